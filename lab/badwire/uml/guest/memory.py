"""Maps the memory of PID 1 and of the processes that it forks in one step, which makes imports faster.

User-Mode Linux maps a page into the host process of a program when the program first uses the page. This takes three
process switches for each of thousands of pages, most of the time of an import. A range whose protection is changed is
mapped in one step (flush_tlb_range in arch/um/kernel/tlb.c).
"""

import ctypes

SIZE = 32 << 20  # bytes; the lab's modules take up to 30 MB
SETTINGS = {
    "PYTHONMALLOC": "malloc",  # take all memory from the C library's heap, which is one range
    "MALLOC_TOP_PAD_": str(2 * SIZE),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 40),  # never give any of it back
    "MALLOC_MMAP_THRESHOLD_": str(SIZE),
    "MALLOC_ARENA_MAX": "1",
}
"""The environment variables with which PID 1 must be started."""
_PAGE = 4096
_PROT_READ = 1
_PROT_WRITE = 2
_MADV_POPULATE_WRITE = 23  # since Linux 5.14; an older kernel refuses it, and pages are mapped one by one


def lay_out() -> None:
    """Map the next ``SIZE`` bytes of the heap. They are free, so nothing fails while they are read-only."""
    c = ctypes.CDLL(None)
    c.malloc.restype = ctypes.c_void_p
    size = SIZE - _PAGE
    block = c.malloc(ctypes.c_size_t(size))
    if block is None:
        return
    end = block + size
    first_page = _page_start(block + _PAGE - 1)
    after_last_page = _page_start(end)
    address = ctypes.c_void_p(first_page)
    length = ctypes.c_size_t(after_last_page - first_page)
    c.madvise(address, length, _MADV_POPULATE_WRITE)
    c.mprotect(address, length, _PROT_READ)
    c.mprotect(address, length, _PROT_READ | _PROT_WRITE)
    c.free(ctypes.c_void_p(block))


def _page_start(address: int) -> int:
    return address // _PAGE * _PAGE
