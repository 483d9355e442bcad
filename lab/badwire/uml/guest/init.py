"""The entry point of PID 1 in the lab's own kernel: maps memory first, then imports and runs the job."""

from badwire.uml.guest import memory

if __name__ == "__main__":
    memory.lay_out()
    from badwire.uml.guest.job import main

    main()
