"""Memory for PID 1 and what is forked from it, mapped in one go.

The kernel maps a page into the host process that carries a program when the program first touches it: three switches
between processes for each of thousands of pages, which is most of what it costs to import a module. A range whose
protection is changed is mapped at once (flush_tlb_range in arch/um/kernel/tlb.c).
"""

import ctypes

SIZE = 32 << 20  # bytes; the lab's modules and those of pyroute2 take 30 MB
SETTINGS = {
    "PYTHONMALLOC": "malloc",  # all of it from the C library's heap, which is one range
    "MALLOC_TOP_PAD_": str(2 * SIZE),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 40),  # never give any of it back
    "MALLOC_MMAP_THRESHOLD_": str(SIZE),
    "MALLOC_ARENA_MAX": "1",
}
"""Variables of the environment that PID 1 must have been started with."""
_PAGE = 4096
_PROT_READ, _PROT_WRITE = 1, 2
_MADV_POPULATE_WRITE = 23  # Linux 5.14; on an older one the pages come one by one, as they always did


def lay_out() -> None:
    """Map the heap's next ``SIZE`` bytes: they are free, so nobody misses them while they are read-only."""
    c = ctypes.CDLL(None)
    c.malloc.restype = ctypes.c_void_p
    block = c.malloc(ctypes.c_size_t(SIZE - _PAGE))
    if block is None:
        return
    begin = (block + _PAGE - 1) & -_PAGE
    range_ = ctypes.c_void_p(begin), ctypes.c_size_t((block + SIZE - _PAGE - begin) & -_PAGE)
    c.madvise(*range_, _MADV_POPULATE_WRITE)
    c.mprotect(*range_, _PROT_READ)
    c.mprotect(*range_, _PROT_READ | _PROT_WRITE)
    c.free(ctypes.c_void_p(block))
