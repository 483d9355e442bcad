"""What PID 1 of the lab's own kernel does first: memory, and then all that needs some."""

from lab.kernel import memory

if __name__ == "__main__":
    memory.lay_out()
    from lab.kernel.inside import main

    main()
