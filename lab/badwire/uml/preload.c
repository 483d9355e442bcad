/* Preloaded into the virtual clock's kernel: makes runs repeatable, ends with the lab, writes to the run's folder only.
 *
 * Repeatable: the kernel takes all its randomness from getrandom(2), which is answered here from a seed, by splitmix64
 * (Steele, Lea, Flood 2014): one word of state, no library. The numbers are repeatable and not secret, which is their
 * purpose. Its addresses are not randomized either, since the memory that it finds decides sysctls such as tcp_rmem.
 *
 * Ends with the lab: the kernel gets SIGKILL when the process that started it ends, however that ends. The host
 * processes of its programs end with it, since they are traced, and so does its thread for block devices, which is not
 * traced.
 *
 * Fast: it stays on one processor. Each system call of a program inside is a switch between two host processes, which
 * costs half as much where neither has to wake a sleeping processor.
 *
 * Confined: root inside could mount this machine's files again, writable. So it can create, write and remove files,
 * with the user's rights, only below the folder that it was started in (landlock(7); Linux 5.13 and later, if Landlock
 * is enabled; otherwise only the read-only mount of the root file system protects them).
 *
 * New processors: the kernel saves less of a processor's state than processors with AMX have.
 *
 * Unnamed memory: its memory is a file without a name, which is freed when it ends. In a container /dev/shm is small,
 * and often files in it may not be executed.
 */

#define _GNU_SOURCE
#include <cpuid.h>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define BADWIRE_FD 100 /* machine.py names it on the command line, from which the kernel draws too: always the same number */

static uint64_t state;

static uint64_t next(void)
{
	uint64_t z = (state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static unsigned long long number(const char *name)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : 0;
}

static void die_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1); /* the parent has already ended */
}

/* linux/landlock.h, which not every machine's headers have */
#define LANDLOCK_CREATE_RULESET 444
#define LANDLOCK_ADD_RULE 445
#define LANDLOCK_RESTRICT_SELF 446
#define LANDLOCK_VERSION 1    /* a flag: which accesses are known */
#define LANDLOCK_BENEATH 1    /* a kind of rule */
#define LANDLOCK_WRITES 0x1ff2 /* write a file; remove and make files, folders, devices, links, in every way */
#define LANDLOCK_WRITE_FILE 0x2
#define LANDLOCK_REFER 0x2000 /* move to another folder; from version 2 on */
#define LANDLOCK_TRUNCATE 0x4000 /* from version 3 on */

static void allow(int rules, const char *path, uint64_t accesses)
{
	struct {
		uint64_t accesses;
		int32_t beneath;
	} __attribute__((packed)) rule = {accesses, open(path, O_PATH | O_CLOEXEC)};

	syscall(LANDLOCK_ADD_RULE, rules, LANDLOCK_BENEATH, &rule, 0);
	close(rule.beneath);
}

static void write_only_here(void)
{
	const long version = syscall(LANDLOCK_CREATE_RULESET, NULL, 0, LANDLOCK_VERSION);
	const uint64_t truncate = version > 2 ? LANDLOCK_TRUNCATE : 0;
	const uint64_t writes = LANDLOCK_WRITES | truncate | (version > 1 ? LANDLOCK_REFER : 0);
	int rules;

	if (version < 1)
		return;
	rules = (int)syscall(LANDLOCK_CREATE_RULESET, &writes, sizeof writes, 0);
	allow(rules, ".", writes);
	allow(rules, "/dev/null", LANDLOCK_WRITE_FILE | truncate); /* what its consoles read from */
	allow(rules, "/dev/ptmx", LANDLOCK_WRITE_FILE | truncate); /* it looks how the machine's terminals behave */
	allow(rules, "/dev/pts", LANDLOCK_WRITE_FILE | truncate);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	syscall(LANDLOCK_RESTRICT_SELF, rules, 0);
	close(rules);
}

__attribute__((constructor)) static void begin(int argc, char **argv, char **envp)
{
	const struct rlimit no_core = {0, 0};
	cpu_set_t one;

	(void)argc;
	state = number("BADWIRE_SEED");
	die_with((pid_t)number("BADWIRE_PARENT"));
	setrlimit(RLIMIT_CORE, &no_core);
	dup2((int)number("BADWIRE_STDOUT"), BADWIRE_FD);
	dup2((int)number("BADWIRE_STDERR"), BADWIRE_FD + 1);
	if (getenv("BADWIRE_CPU")) {
		CPU_ZERO(&one);
		CPU_SET(number("BADWIRE_CPU"), &one);
		sched_setaffinity(0, sizeof one, &one); /* if that is refused, it is only slower */
	}
	if (!(personality(0xffffffff) & ADDR_NO_RANDOMIZE)) {
		personality(ADDR_NO_RANDOMIZE);
		if (personality(0xffffffff) & ADDR_NO_RANDOMIZE)
			execve("/proc/self/exe", argv, envp);
	}
	write_only_here();
}

ssize_t getrandom(void *buffer, size_t length, unsigned int flags)
{
	unsigned char *out = buffer;
	size_t done = 0;

	(void)flags;
	while (done < length) {
		uint64_t word = next();
		size_t part = length - done < sizeof word ? length - done : sizeof word;

		memcpy(out + done, &word, part);
		done += part;
	}
	return (ssize_t)length;
}

/* The one file that the kernel opens without a name is its memory. */
int open64(const char *path, int flags, ...)
{
	va_list arguments;
	mode_t mode;
	int fd;

	if ((flags & O_TMPFILE) == O_TMPFILE) {
		fd = memfd_create("badwire-memory", MFD_CLOEXEC);
		if (fd >= 0)
			return fd; /* if that is refused, the memory is in /dev/shm, or where TMPDIR says */
	}
	va_start(arguments, flags);
	mode = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(arguments, mode_t) : 0;
	va_end(arguments);
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static long (*real_ptrace)(int, pid_t, void *, void *);

#define XSTATE_ROOM 65536   /* bytes: more than any processor has; with AMX, which has most, it is 11,008 */
#define XSTATE_HEADER 512   /* bytes in front of the header, whose first word says which components the state has */
#define XSTATE_COMPONENTS 63 /* bit 63 of that word is none */
#define XSTATE_LEAF 0xd     /* cpuid's, for each component: eax is its size, ebx where it lies */

/* The components of the processor's state that lie within its first ``length`` bytes. */
static uint64_t components_within(size_t length)
{
	uint64_t within = 3; /* x87 and SSE, which lie before the header */
	unsigned int component, size, offset, ecx, edx;

	for (component = 2; component < XSTATE_COMPONENTS; component++)
		if (__get_cpuid_count(XSTATE_LEAF, component, &size, &offset, &ecx, &edx) && offset + size <= length)
			within |= (uint64_t)1 << component;
	return within;
}

/* Set a process's extended state, of which the kernel inside has only the first part.
 *
 * That kernel keeps 2,696 bytes (arch/x86/um/user-offsets.c, HOST_FP_SIZE), and this machine's takes all of the state or
 * nothing (arch/x86/kernel/fpu/regset.c, xstateregs_set: EFAULT). What lies beyond, AMX's tiles, is sent as not in use: no
 * program inside can use it, since AMX has to be asked for (arch_prctl(2), ARCH_REQ_XCOMP_PERM), which the kernel inside
 * does not pass on.
 */
static long set_xstate(pid_t pid, void *kind, struct iovec *part)
{
	static unsigned char state[XSTATE_ROOM];
	static size_t whole;
	static uint64_t within;
	struct iovec all = {state, sizeof state};
	uint64_t components;

	if (!whole) {
		if (real_ptrace(PTRACE_GETREGSET, pid, kind, &all))
			return -1;
		whole = all.iov_len;
		within = components_within(part->iov_len);
	}
	if (part->iov_len >= whole)
		return real_ptrace(PTRACE_SETREGSET, pid, kind, part);
	memcpy(state, part->iov_base, part->iov_len);
	memset(state + part->iov_len, 0, whole - part->iov_len);
	memcpy(&components, state + XSTATE_HEADER, sizeof components);
	components &= within;
	memcpy(state + XSTATE_HEADER, &components, sizeof components);
	all.iov_len = whole;
	return real_ptrace(PTRACE_SETREGSET, pid, kind, &all);
}

/* The kernel sets the options of everything that it traces: what it traces shall end with it. */
long ptrace(enum __ptrace_request request, ...)
{
	va_list arguments;
	pid_t pid;
	void *address;
	uintptr_t data;

	if (!real_ptrace)
		*(void **)&real_ptrace = dlsym(RTLD_NEXT, "ptrace");
	va_start(arguments, request);
	pid = va_arg(arguments, pid_t);
	address = va_arg(arguments, void *);
	data = va_arg(arguments, uintptr_t);
	va_end(arguments);
	if (request == PTRACE_SETOPTIONS || (int)request == 21 /* PTRACE_OLDSETOPTIONS */)
		data |= PTRACE_O_EXITKILL;
	if (request == PTRACE_SETREGSET && (uintptr_t)address == NT_X86_XSTATE)
		return set_xstate(pid, address, (struct iovec *)data);
	return real_ptrace(request, pid, address, (void *)data);
}

/* The thread for block devices, of which there is one, shares the kernel's memory. No malloc: that memory is the kernel's own.
 *
 * A request to it waits here until it is done. Else the kernel would be idle meanwhile and its clock would jump to the
 * next timer, and by how much, and how often, would be up to the machine's disk.
 */
static int (*thread_function)(void *);
static pid_t thread_parent;
static int last_pair[2] = {-1, -1}, thread_pair[2] = {-1, -1}; /* sockets: the thread's end, the kernel's end */
static uint32_t asked, done;				       /* bytes of requests */

static int begin_thread(void *argument)
{
	die_with(thread_parent);
	return thread_function(argument);
}

int clone(int (*function)(void *), void *stack, int flags, void *argument, ...)
{
	static int (*real)(int (*)(void *), void *, int, void *, ...);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "clone");
	if (flags != (CLONE_VM | CLONE_FILES) || thread_function)
		return real(function, stack, flags, argument);
	thread_function = function;
	thread_parent = getpid();
	thread_pair[0] = last_pair[0];
	thread_pair[1] = last_pair[1];
	return real(begin_thread, stack, flags, argument);
}

int socketpair(int domain, int type, int protocol, int pair[2])
{
	int result = (int)syscall(SYS_socketpair, domain, type, protocol, pair);

	if (!result) {
		last_pair[0] = pair[0];
		last_pair[1] = pair[1];
	}
	return result;
}

ssize_t write(int fd, const void *data, size_t length)
{
	ssize_t written = syscall(SYS_write, fd, data, length);
	uint32_t seen;

	if (written <= 0)
		return written;
	if (fd == thread_pair[0]) {
		__atomic_add_fetch(&done, (uint32_t)written, __ATOMIC_SEQ_CST);
		syscall(SYS_futex, &done, FUTEX_WAKE, 1, NULL, NULL, 0);
	} else if (fd == thread_pair[1]) {
		asked += (uint32_t)written;
		while ((seen = __atomic_load_n(&done, __ATOMIC_SEQ_CST)) != asked)
			syscall(SYS_futex, &done, FUTEX_WAIT, seen, NULL, NULL, 0);
	}
	return written;
}
