"""What the lab outside of its own kernel and the lab inside must call by the same name."""

OUT = "/run/out"  # the writable folder, as the job sees it: the same in every run, so that no record names the run
AUX = "kernel"  # folder in the run's folder for what the kernel itself leaves: console, job, output
CLOCK = "NETLAB_CLOCK"  # variable by which a kernel whose time jumps says so ("virtual") to what runs on it
