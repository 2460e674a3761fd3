/** The calls of the default profile, by what they are for. Names of every architecture: those that one lacks do not matter there. */
import type { CapabilityName } from '../capabilities.js';

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}

/** Allowed whatever the container may do. */
export const plainCalls: readonly string[] = words(`
access cachestat chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3
faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2
fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr file_getattr file_setattr flistxattr flock
fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat
getcwd getdents getdents64 getxattr getxattrat ioctl lchown lchown32 lgetxattr link linkat listxattr
listxattrat llistxattr lremovexattr lseek _llseek lsetxattr lstat lstat64 mkdir mkdirat mknod mknodat
name_to_handle_at newfstatat oldfstat oldlstat oldstat open openat openat2 pipe pipe2 pread64 preadv
preadv2 pwrite64 pwritev pwritev2 read readahead readdir readlink readlinkat readv removexattr
removexattrat rename renameat renameat2 rmdir sendfile sendfile64 setxattr setxattrat splice stat
stat64 statfs statfs64 statx symlink symlinkat sync sync_file_range syncfs tee truncate truncate64
umask unlink unlinkat utime utimensat utimensat_time64 utimes vmsplice write writev

brk madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap
mmap2 mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect
process_mrelease remap_file_pages

alarm arch_prctl capget capset execve execveat exit exit_group fork get_robust_list get_thread_area
getcpu getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer getpgid
getpgrp getpid getppid getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit
getrusage getsid gettid getuid getuid32 ioprio_get ioprio_set kill landlock_add_rule
landlock_create_ruleset landlock_restrict_self lsm_get_self_attr lsm_list_modules lsm_set_self_attr
modify_ldt nice pause pidfd_open pidfd_send_signal prctl prlimit64 process_vm_readv
process_vm_writev ptrace restart_syscall rseq rt_sigaction rt_sigpending rt_sigprocmask
rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64
rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr
sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64
sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp
set_robust_list set_thread_area set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid
setgid32 setgroups setgroups32 setitimer setpgid setpriority setregid setregid32 setresgid
setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit setsid setuid setuid32 sigaction
sigaltstack signal sigpending sigprocmask sigreturn sigsuspend sysinfo tgkill times tkill ugetrlimit
uname uprobe uretprobe vfork wait4 waitid waitpid

adjtimex clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime
clock_gettime64 clock_nanosleep clock_nanosleep_time64 gettimeofday nanosleep time timer_create
timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64
timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64

epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait
epoll_wait_old eventfd eventfd2 futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake
inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents
io_pgetevents io_pgetevents_time64 io_setup io_submit _newselect poll ppoll ppoll_time64 pselect6
pselect6_time64 select signalfd signalfd4

accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg
recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair

ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend
mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop
semtimedop_time64 shmat shmctl shmdt shmget
`);

/**
 * Allowed in an own user namespace: what a sandbox or container engine inside needs. The kernel checks them against that
 * namespace's capabilities, which reach nothing outside.
 */
export const nestedSandboxCalls: readonly string[] = words(`
chroot clone clone3 fsconfig fsmount fsopen fspick kcmp listmount mount mount_setattr move_mount
open_tree open_tree_attr pidfd_getfd pivot_root process_madvise setdomainname sethostname setns
statmount umount umount2 unshare
`);

/** Allowed to containers that were given the capability. */
export const capabilityCalls: readonly (readonly [CapabilityName, readonly string[]])[] = [
  ['BPF', words('bpf')],
  ['CHECKPOINT_RESTORE', words('kcmp')],
  ['DAC_READ_SEARCH', words('open_by_handle_at')],
  ['PERFMON', words('perf_event_open')],
  [
    'SYS_ADMIN',
    words(`bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick listmount lookup_dcookie mount
      mount_setattr move_mount open_tree open_tree_attr perf_event_open pivot_root quotactl quotactl_fd
      setdomainname sethostname setns statmount syslog umount umount2 unshare`),
  ],
  ['SYS_BOOT', words('reboot')],
  ['SYS_CHROOT', words('chroot')],
  ['SYS_MODULE', words('delete_module finit_module init_module')],
  ['SYS_NICE', words('get_mempolicy mbind process_madvise set_mempolicy set_mempolicy_home_node')],
  ['SYS_PACCT', words('acct')],
  ['SYS_PTRACE', words('kcmp pidfd_getfd process_madvise')],
  ['SYS_RAWIO', words('ioperm iopl')],
  ['SYS_TIME', words('clock_settime clock_settime64 settimeofday stime')],
  ['SYS_TTY_CONFIG', words('vhangup')],
  ['SYSLOG', words('syslog')],
];

/** Kernel keyrings: programs that find them absent go on, those that are refused may stop. */
export const absentCalls: readonly string[] = words('add_key keyctl request_key');
