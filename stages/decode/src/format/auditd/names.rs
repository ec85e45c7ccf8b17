//! Numbers that audit records use, and their names: record types and system calls.
//!
//! Record types are those of `linux/audit.h` and of the audit user space; system calls those of the kernel's tables for
//! x86-64 (all), arm64 and i386 (those that rules ask for).

/// Record types that arrive as numbers: in the kernel's own log (`type=1300`) or unknown to an old auditd
/// (`UNKNOWN[1323]`). Sorted by number.
const TYPES: &[(u32, &str)] = &[
    (1006, "LOGIN"),
    (1100, "USER_AUTH"),
    (1101, "USER_ACCT"),
    (1102, "USER_MGMT"),
    (1103, "CRED_ACQ"),
    (1104, "CRED_DISP"),
    (1105, "USER_START"),
    (1106, "USER_END"),
    (1107, "USER_AVC"),
    (1108, "USER_CHAUTHTOK"),
    (1109, "USER_ERR"),
    (1110, "CRED_REFR"),
    (1111, "USYS_CONFIG"),
    (1112, "USER_LOGIN"),
    (1113, "USER_LOGOUT"),
    (1114, "ADD_USER"),
    (1115, "DEL_USER"),
    (1116, "ADD_GROUP"),
    (1117, "DEL_GROUP"),
    (1123, "USER_CMD"),
    (1124, "USER_TTY"),
    (1127, "SYSTEM_BOOT"),
    (1128, "SYSTEM_SHUTDOWN"),
    (1129, "SYSTEM_RUNLEVEL"),
    (1130, "SERVICE_START"),
    (1131, "SERVICE_STOP"),
    (1300, "SYSCALL"),
    (1302, "PATH"),
    (1303, "IPC"),
    (1304, "SOCKETCALL"),
    (1305, "CONFIG_CHANGE"),
    (1306, "SOCKADDR"),
    (1307, "CWD"),
    (1309, "EXECVE"),
    (1311, "IPC_SET_PERM"),
    (1312, "MQ_OPEN"),
    (1313, "MQ_SENDRECV"),
    (1314, "MQ_NOTIFY"),
    (1315, "MQ_GETSETATTR"),
    (1316, "KERNEL_OTHER"),
    (1317, "FD_PAIR"),
    (1318, "OBJ_PID"),
    (1319, "TTY"),
    (1320, "EOE"),
    (1321, "BPRM_FCAPS"),
    (1322, "CAPSET"),
    (1323, "MMAP"),
    (1324, "NETFILTER_PKT"),
    (1325, "NETFILTER_CFG"),
    (1326, "SECCOMP"),
    (1327, "PROCTITLE"),
    (1328, "FEATURE_CHANGE"),
    (1329, "REPLACE"),
    (1330, "KERN_MODULE"),
    (1331, "FANOTIFY"),
    (1334, "BPF"),
    (1335, "EVENT_LISTENER"),
    (1336, "URINGOP"),
    (1337, "OPENAT2"),
    (1400, "AVC"),
    (1401, "SELINUX_ERR"),
    (1402, "AVC_PATH"),
    (1403, "MAC_POLICY_LOAD"),
    (1404, "MAC_STATUS"),
    (1405, "MAC_CONFIG_CHANGE"),
    (1700, "ANOM_PROMISCUOUS"),
    (1701, "ANOM_ABEND"),
    (1702, "ANOM_LINK"),
    (1703, "ANOM_CREAT"),
];

/// The name of a record type's number.
pub(super) fn type_name(number: u32) -> Option<&'static str> {
    let at = TYPES.binary_search_by_key(&number, |entry| entry.0).ok()?;
    TYPES.get(at).map(|entry| entry.1)
}

/// `AUDIT_ARCH_X86_64`, `AUDIT_ARCH_I386`, `AUDIT_ARCH_AARCH64`, as `arch=` has them.
const X86_64: &str = "c000003e";
const I386: &str = "40000003";
const AARCH64: &str = "c00000b7";

/// The name of a system call by architecture and number, both as the record has them.
pub(super) fn syscall_name(arch: &str, number: &str) -> Option<&'static str> {
    let number: usize = number.parse().ok()?;
    match arch {
        X86_64 => match number {
            0..=334 => SYSCALLS_X86_64.get(number).copied(),
            424.. => SYSCALLS_FROM_424.get(number - 424).copied(),
            _ => None,
        },
        AARCH64 if number < 424 => named(SYSCALLS_AARCH64, number),
        AARCH64 => SYSCALLS_FROM_424.get(number - 424).copied(),
        I386 if number < 424 => named(SYSCALLS_I386, number),
        I386 => SYSCALLS_FROM_424.get(number - 424).copied(),
        _ => None,
    }
}

fn named(table: &[(usize, &'static str)], number: usize) -> Option<&'static str> {
    table.iter().find(|entry| entry.0 == number).map(|entry| entry.1)
}

/// x86-64, numbers 0 to 334.
#[rustfmt::skip]
const SYSCALLS_X86_64: [&str; 335] = [
    // 0
    "read", "write", "open", "close", "stat", "fstat", "lstat", "poll", "lseek", "mmap",
    "mprotect", "munmap", "brk", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "ioctl", "pread64", "pwrite64", "readv",
    // 20
    "writev", "access", "pipe", "select", "sched_yield", "mremap", "msync", "mincore", "madvise", "shmget",
    "shmat", "shmctl", "dup", "dup2", "pause", "nanosleep", "getitimer", "alarm", "setitimer", "getpid",
    // 40
    "sendfile", "socket", "connect", "accept", "sendto", "recvfrom", "sendmsg", "recvmsg", "shutdown", "bind",
    "listen", "getsockname", "getpeername", "socketpair", "setsockopt", "getsockopt", "clone", "fork", "vfork", "execve",
    // 60
    "exit", "wait4", "kill", "uname", "semget", "semop", "semctl", "shmdt", "msgget", "msgsnd",
    "msgrcv", "msgctl", "fcntl", "flock", "fsync", "fdatasync", "truncate", "ftruncate", "getdents", "getcwd",
    // 80
    "chdir", "fchdir", "rename", "mkdir", "rmdir", "creat", "link", "unlink", "symlink", "readlink",
    "chmod", "fchmod", "chown", "fchown", "lchown", "umask", "gettimeofday", "getrlimit", "getrusage", "sysinfo",
    // 100
    "times", "ptrace", "getuid", "syslog", "getgid", "setuid", "setgid", "geteuid", "getegid", "setpgid",
    "getppid", "getpgrp", "setsid", "setreuid", "setregid", "getgroups", "setgroups", "setresuid", "getresuid", "setresgid",
    // 120
    "getresgid", "getpgid", "setfsuid", "setfsgid", "getsid", "capget", "capset", "rt_sigpending", "rt_sigtimedwait", "rt_sigqueueinfo",
    "rt_sigsuspend", "sigaltstack", "utime", "mknod", "uselib", "personality", "ustat", "statfs", "fstatfs", "sysfs",
    // 140
    "getpriority", "setpriority", "sched_setparam", "sched_getparam", "sched_setscheduler", "sched_getscheduler", "sched_get_priority_max", "sched_get_priority_min", "sched_rr_get_interval", "mlock",
    "munlock", "mlockall", "munlockall", "vhangup", "modify_ldt", "pivot_root", "_sysctl", "prctl", "arch_prctl", "adjtimex",
    // 160
    "setrlimit", "chroot", "sync", "acct", "settimeofday", "mount", "umount2", "swapon", "swapoff", "reboot",
    "sethostname", "setdomainname", "iopl", "ioperm", "create_module", "init_module", "delete_module", "get_kernel_syms", "query_module", "quotactl",
    // 180
    "nfsservctl", "getpmsg", "putpmsg", "afs_syscall", "tuxcall", "security", "gettid", "readahead", "setxattr", "lsetxattr",
    "fsetxattr", "getxattr", "lgetxattr", "fgetxattr", "listxattr", "llistxattr", "flistxattr", "removexattr", "lremovexattr", "fremovexattr",
    // 200
    "tkill", "time", "futex", "sched_setaffinity", "sched_getaffinity", "set_thread_area", "io_setup", "io_destroy", "io_getevents", "io_submit",
    "io_cancel", "get_thread_area", "lookup_dcookie", "epoll_create", "epoll_ctl_old", "epoll_wait_old", "remap_file_pages", "getdents64", "set_tid_address", "restart_syscall",
    // 220
    "semtimedop", "fadvise64", "timer_create", "timer_settime", "timer_gettime", "timer_getoverrun", "timer_delete", "clock_settime", "clock_gettime", "clock_getres",
    "clock_nanosleep", "exit_group", "epoll_wait", "epoll_ctl", "tgkill", "utimes", "vserver", "mbind", "set_mempolicy", "get_mempolicy",
    // 240
    "mq_open", "mq_unlink", "mq_timedsend", "mq_timedreceive", "mq_notify", "mq_getsetattr", "kexec_load", "waitid", "add_key", "request_key",
    "keyctl", "ioprio_set", "ioprio_get", "inotify_init", "inotify_add_watch", "inotify_rm_watch", "migrate_pages", "openat", "mkdirat", "mknodat",
    // 260
    "fchownat", "futimesat", "newfstatat", "unlinkat", "renameat", "linkat", "symlinkat", "readlinkat", "fchmodat", "faccessat",
    "pselect6", "ppoll", "unshare", "set_robust_list", "get_robust_list", "splice", "tee", "sync_file_range", "vmsplice", "move_pages",
    // 280
    "utimensat", "epoll_pwait", "signalfd", "timerfd_create", "eventfd", "fallocate", "timerfd_settime", "timerfd_gettime", "accept4", "signalfd4",
    "eventfd2", "epoll_create1", "dup3", "pipe2", "inotify_init1", "preadv", "pwritev", "rt_tgsigqueueinfo", "perf_event_open", "recvmmsg",
    // 300
    "fanotify_init", "fanotify_mark", "prlimit64", "name_to_handle_at", "open_by_handle_at", "clock_adjtime", "syncfs", "sendmmsg", "setns", "getcpu",
    "process_vm_readv", "process_vm_writev", "kcmp", "finit_module", "sched_setattr", "sched_getattr", "renameat2", "seccomp", "getrandom", "memfd_create",
    // 320
    "kexec_file_load", "bpf", "execveat", "userfaultfd", "membarrier", "mlock2", "copy_file_range", "preadv2", "pwritev2", "pkey_mprotect",
    "pkey_alloc", "pkey_free", "statx", "io_pgetevents", "rseq",
];

/// From 424 on all architectures share their numbers.
const SYSCALLS_FROM_424: [&str; 39] = [
    "pidfd_send_signal",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "open_tree",
    "move_mount",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "pidfd_open",
    "clone3",
    "close_range",
    "openat2",
    "pidfd_getfd",
    "faccessat2",
    "process_madvise",
    "epoll_pwait2",
    "mount_setattr",
    "quotactl_fd",
    "landlock_create_ruleset",
    "landlock_add_rule",
    "landlock_restrict_self",
    "memfd_secret",
    "process_mrelease",
    "futex_waitv",
    "set_mempolicy_home_node",
    "cachestat",
    "fchmodat2",
    "map_shadow_stack",
    "futex_wake",
    "futex_wait",
    "futex_requeue",
    "statmount",
    "listmount",
    "lsm_get_self_attr",
    "lsm_set_self_attr",
    "lsm_list_modules",
    "mseal",
];

/// arm64 (and other architectures with the generic table).
#[rustfmt::skip]
const SYSCALLS_AARCH64: &[(usize, &str)] = &[
    (5, "setxattr"), (33, "mknodat"), (34, "mkdirat"), (35, "unlinkat"), (36, "symlinkat"), (37, "linkat"),
    (38, "renameat"), (39, "umount2"), (40, "mount"), (41, "pivot_root"), (45, "truncate"), (46, "ftruncate"),
    (49, "chdir"), (51, "chroot"), (52, "fchmod"), (53, "fchmodat"), (54, "fchownat"), (55, "fchown"), (56, "openat"),
    (57, "close"), (63, "read"), (64, "write"), (78, "readlinkat"), (89, "acct"), (90, "capget"), (91, "capset"),
    (92, "personality"), (97, "unshare"), (105, "init_module"), (106, "delete_module"), (112, "clock_settime"),
    (116, "syslog"), (117, "ptrace"), (129, "kill"), (130, "tkill"), (131, "tgkill"), (142, "reboot"), (143, "setregid"),
    (144, "setgid"), (145, "setreuid"), (146, "setuid"), (147, "setresuid"), (149, "setresgid"), (151, "setfsuid"),
    (152, "setfsgid"), (161, "sethostname"), (162, "setdomainname"), (167, "prctl"), (170, "settimeofday"),
    (171, "adjtimex"), (179, "sysinfo"), (198, "socket"), (199, "socketpair"), (200, "bind"), (201, "listen"),
    (202, "accept"), (203, "connect"), (206, "sendto"), (207, "recvfrom"), (217, "add_key"), (219, "keyctl"),
    (220, "clone"), (221, "execve"), (222, "mmap"), (226, "mprotect"), (242, "accept4"), (265, "open_by_handle_at"),
    (266, "clock_adjtime"), (268, "setns"), (270, "process_vm_readv"), (271, "process_vm_writev"),
    (273, "finit_module"), (276, "renameat2"), (277, "seccomp"), (279, "memfd_create"), (280, "bpf"), (281, "execveat"),
    (282, "userfaultfd"), (294, "kexec_file_load"),
];

/// i386.
#[rustfmt::skip]
const SYSCALLS_I386: &[(usize, &str)] = &[
    (2, "fork"), (3, "read"), (4, "write"), (5, "open"), (6, "close"), (8, "creat"), (9, "link"), (10, "unlink"),
    (11, "execve"), (12, "chdir"), (14, "mknod"), (15, "chmod"), (16, "lchown"), (21, "mount"), (22, "umount"),
    (23, "setuid"), (25, "stime"), (26, "ptrace"), (37, "kill"), (38, "rename"), (39, "mkdir"), (40, "rmdir"),
    (46, "setgid"), (51, "acct"), (52, "umount2"), (61, "chroot"), (70, "setreuid"), (71, "setregid"),
    (74, "sethostname"), (79, "settimeofday"), (83, "symlink"), (88, "reboot"), (92, "truncate"), (93, "ftruncate"),
    (94, "fchmod"), (95, "fchown"), (102, "socketcall"), (103, "syslog"), (116, "sysinfo"), (120, "clone"),
    (121, "setdomainname"), (124, "adjtimex"), (125, "mprotect"), (128, "init_module"), (129, "delete_module"),
    (136, "personality"), (164, "setresuid"), (170, "setresgid"), (172, "prctl"), (182, "chown"), (190, "vfork"),
    (192, "mmap2"), (197, "fstat64"), (198, "lchown32"), (203, "setreuid32"), (204, "setregid32"), (207, "fchown32"),
    (208, "setresuid32"), (210, "setresgid32"), (212, "chown32"), (213, "setuid32"), (214, "setgid32"), (226, "setxattr"),
    (238, "tkill"), (270, "tgkill"), (288, "keyctl"), (295, "openat"), (296, "mkdirat"), (297, "mknodat"),
    (298, "fchownat"), (301, "unlinkat"), (302, "renameat"), (303, "linkat"), (304, "symlinkat"), (306, "fchmodat"),
    (310, "unshare"), (342, "open_by_handle_at"), (346, "setns"), (347, "process_vm_readv"), (348, "process_vm_writev"),
    (350, "finit_module"), (353, "renameat2"), (354, "seccomp"), (356, "memfd_create"), (357, "bpf"), (358, "execveat"),
    (359, "socket"), (361, "bind"), (362, "connect"), (363, "listen"), (364, "accept4"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_kernels_names() {
        for (arch, number, name) in [
            (X86_64, "0", "read"),
            (X86_64, "42", "connect"),
            (X86_64, "59", "execve"),
            (X86_64, "99", "sysinfo"),
            (X86_64, "101", "ptrace"),
            (X86_64, "103", "syslog"),
            (X86_64, "133", "mknod"),
            (X86_64, "135", "personality"),
            (X86_64, "165", "mount"),
            (X86_64, "175", "init_module"),
            (X86_64, "257", "openat"),
            (X86_64, "313", "finit_module"),
            (X86_64, "319", "memfd_create"),
            (X86_64, "321", "bpf"),
            (X86_64, "322", "execveat"),
            (X86_64, "334", "rseq"),
            (X86_64, "437", "openat2"),
            (X86_64, "452", "fchmodat2"),
            (X86_64, "462", "mseal"),
            (AARCH64, "221", "execve"),
            (AARCH64, "437", "openat2"),
            (I386, "11", "execve"),
        ] {
            assert_eq!(syscall_name(arch, number), Some(name), "{arch} {number}");
        }
        for (arch, number) in [(X86_64, "400"), (X86_64, "999999999"), (X86_64, "-1"), ("", "59"), (I386, "423")] {
            assert_eq!(syscall_name(arch, number), None, "{arch} {number}");
        }
        assert_eq!((type_name(1300), type_name(1327), type_name(7)), (Some("SYSCALL"), Some("PROCTITLE"), None));
        assert!(TYPES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
