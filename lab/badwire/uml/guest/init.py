"""What PID 1 of the lab's own kernel does first: memory, and then all that needs some."""

from badwire.uml.guest import memory

if __name__ == "__main__":
    memory.lay_out()
    from badwire.uml.guest.job import main

    main()
