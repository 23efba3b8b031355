/**
 * Owns the list of system calls a container may make: an allow-list for processes without capabilities. The list starts from
 * the default of container engines and leaves out the calls that have led out of sandboxes and that no ordinary program
 * needs: io_uring, ptrace and process_vm_*, pidfd_getfd, userfaultfd, keyrings, file handles, perf, bpf, personality,
 * namespaces, mounts, vsock and every other odd socket family, and all 32-bit calls (without sub-architectures they kill).
 */
import type { NetworkKind } from '../driver.js';

/** Calls by purpose. The engine skips names that this architecture or kernel does not have. */
const allowed = {
  files: `access close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64 fallocate fcntl
    fdatasync flock fstat fstatfs fsync ftruncate getdents getdents64 ioctl lseek lstat newfstatat open openat openat2 pread64
    preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv sendfile splice stat statfs statx sync
    sync_file_range syncfs tee truncate umask vmsplice write writev cachestat`,
  directoriesAndNames: `chdir fchdir getcwd link linkat mkdir mkdirat mknod mknodat rename renameat renameat2 rmdir symlink
    symlinkat unlink unlinkat`,
  ownership: `chmod chown fchmod fchmodat fchmodat2 fchown fchownat futimesat lchown utime utimensat utimes fgetxattr
    flistxattr fremovexattr fsetxattr getxattr lgetxattr listxattr llistxattr lremovexattr lsetxattr removexattr setxattr`,
  memory: `brk madvise membarrier memfd_create mincore mlock mlock2 mlockall mmap mprotect mremap mseal msync munlock
    munlockall munmap pkey_alloc pkey_free pkey_mprotect map_shadow_stack get_mempolicy`,
  processes: `arch_prctl capget capset execve execveat exit exit_group fork getegid geteuid getgid getgroups getpgid getpgrp
    getpid getppid getpriority getresgid getresuid getrlimit getrusage getsid gettid getuid kill pidfd_open
    pidfd_send_signal prctl prlimit64 rseq seccomp setfsgid setfsuid setgid setgroups setpgid setpriority setregid setresgid
    setresuid setreuid setrlimit setsid setuid set_robust_list get_robust_list set_tid_address sysinfo tgkill times tkill
    uname vfork wait4 waitid landlock_add_rule landlock_create_ruleset landlock_restrict_self riscv_flush_icache
    riscv_hwprobe`,
  scheduling: `getcpu ioprio_get ioprio_set sched_getaffinity sched_getattr sched_getparam sched_get_priority_max
    sched_get_priority_min sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam
    sched_setscheduler sched_yield`,
  signals: `pause restart_syscall rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend
    rt_sigtimedwait rt_tgsigqueueinfo sigaltstack signalfd signalfd4`,
  time: `alarm clock_getres clock_gettime clock_nanosleep getitimer gettimeofday nanosleep setitimer time timer_create
    timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime`,
  waiting: `epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 futex futex_requeue
    futex_wait futex_waitv futex_wake inotify_add_watch inotify_init inotify_init1 inotify_rm_watch poll ppoll pselect6 select`,
  randomness: 'getrandom',
  sockets: `accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg recvmsg sendmmsg sendmsg
    sendto setsockopt shutdown socketpair`,
  talkingBetweenProcesses: `mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd
    pipe pipe2 semctl semget semop semtimedop shmat shmctl shmdt shmget`,
  kernelAio: 'io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit',
};

const ENOSYS = 38;
const family = { UNIX: 1, INET: 2, INET6: 10, NETLINK: 16 };
/** The bits of socket's second argument that are its type; the others are flags. */
const typeMask = 0xf;
/** Socket types with the protocols they may have; 0 is the usual one. */
const transports = [
  { type: 1, protocols: [0, 6] }, // SOCK_STREAM: TCP, not MPTCP or SCTP
  { type: 2, protocols: [0, 17] }, // SOCK_DGRAM: UDP, not ICMP
];
/** Every CLONE_NEW* flag that fits in clone's argument: NS, CGROUP, UTS, IPC, USER, PID, NET. */
const namespaceFlags = 0x7e020000;

interface Rule {
  names: string[];
  action: 'SCMP_ACT_ALLOW' | 'SCMP_ACT_ERRNO';
  errnoRet?: number;
  args?: Condition[];
}

interface Condition {
  index: number;
  value: number;
  valueTwo?: number;
  op: 'SCMP_CMP_EQ' | 'SCMP_CMP_MASKED_EQ';
}

const texts = new Map<NetworkKind, string>();

/** JSON text for `SecurityOpt: ["seccomp=<text>"]` (the API refuses a path); made once for each network. */
export function seccompProfile(network: NetworkKind): string {
  let text = texts.get(network);
  if (text === undefined) {
    text = JSON.stringify(build(network));
    texts.set(network, text);
  }
  return text;
}

function build(network: NetworkKind): object {
  const names = Object.values(allowed).flatMap((list) => list.split(/\s+/));
  const syscalls: Rule[] = [
    { names, action: 'SCMP_ACT_ALLOW' },
    {
      names: ['clone'],
      action: 'SCMP_ACT_ALLOW',
      args: [masked(0, namespaceFlags, 0)],
    },
    // The flags of clone3 are behind a pointer and cannot be checked. With EPERM Node aborts at boot, with ENOSYS libc uses clone.
    { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS },
    socket(equal(0, family.UNIX)),
    // NETLINK_ROUTE (protocol 0) is what os.networkInterfaces reads; the other protocols reach much more of the kernel.
    socket(equal(0, family.NETLINK), equal(2, 0)),
    ...[family.INET, family.INET6].flatMap((domain) => internetSockets(domain, network)),
  ];
  return {
    defaultAction: 'SCMP_ACT_ERRNO', // EPERM, the engine's default
    archMap: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_AARCH64'].map((architecture) => ({
      architecture,
      subArchitectures: [],
    })),
    syscalls,
  };
}

/** Without a network a container has a loopback, for which TCP and UDP are enough; all other addresses are unreachable. */
function internetSockets(domain: number, network: NetworkKind): Rule[] {
  if (network === 'bridge') return [socket(equal(0, domain))];
  return transports.flatMap(({ type, protocols }) =>
    protocols.map((protocol) => socket(equal(0, domain), masked(1, typeMask, type), equal(2, protocol))),
  );
}

/** Allows sockets for which all conditions hold. */
function socket(...args: Condition[]): Rule {
  return { names: ['socket'], action: 'SCMP_ACT_ALLOW', args };
}

function equal(index: number, value: number): Condition {
  return { index, value, op: 'SCMP_CMP_EQ' };
}

/** The argument has exactly these bits of the mask. */
function masked(index: number, mask: number, bits: number): Condition {
  return { index, value: mask, valueTwo: bits, op: 'SCMP_CMP_MASKED_EQ' };
}
