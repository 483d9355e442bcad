"""Programs in the lab's kernel keep the processor's vector registers, however wide, while others run.

The kernel saves less of a processor's state than processors with AMX have; see preload.c.
"""

import subprocess
from pathlib import Path

import pytest

from tests.uml.machines import boxed

pytestmark = pytest.mark.usefixtures("kernel")

# Four processes write numbers of their own into a register of each width, yield to the others, and compare.
_PROGRAM = r"""
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define YIELD 24 /* asm/unistd_64.h: sched_yield(2) */
#define KEPT(name, width, load, store) \
        static int name(int who) \
        { \
                unsigned char before[width], after[width]; \
                long result; \
                memset(before, who, width); \
                __asm__ volatile(load "\n\tsyscall\n\t" store \
                                 : "=a"(result) \
                                 : "a"(YIELD), "r"(before), "r"(after) \
                                 : "rcx", "r11", "memory", "xmm7"); \
                return result == 0 && memcmp(before, after, width) == 0; \
        }

KEPT(sse, 16, "movdqu (%2), %%xmm7", "movdqu %%xmm7, (%3)")
KEPT(avx, 32, "vmovdqu (%2), %%ymm7", "vmovdqu %%ymm7, (%3)")
KEPT(avx512, 64, "vmovdqu64 (%2), %%zmm7", "vmovdqu64 %%zmm7, (%3)")

int main(void)
{
        int child, status, round, lost = 0;

        for (child = 1; child <= 4; child++) {
                if (fork())
                        continue;
                for (round = 0; round < 500; round++) {
                        if (!sse(child))
                                return 1;
                        if (__builtin_cpu_supports("avx") && !avx(child))
                                return 2;
                        if (__builtin_cpu_supports("avx512f") && !avx512(child))
                                return 3;
                }
                return 0;
        }
        while (wait(&status) > 0)
                lost |= status;
        puts(lost ? "lost" : "kept");
        return lost != 0;
}
"""


def test_vector_registers_survive_a_switch_of_processes(tmp_path: Path) -> None:
    source = tmp_path / "registers.c"
    source.write_text(_PROGRAM)
    program = tmp_path / "registers"
    subprocess.run(["gcc", "-O1", "-o", program, source], check=True)
    done = boxed("--", program)
    assert (done.returncode, done.stdout, done.stderr) == (0, "kept\n", "")
