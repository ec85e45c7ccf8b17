//! The system-call filter: what no parser needs is answered with `EPERM`.
//!
//! The list names what is denied and leaves the rest, since the standard library, the allocator and the kernel's successors of
//! old calls may ask for anything harmless. Categories stand beside each other so that a gap is seen. On x86-64 every
//! denied call is denied under its x32 number too, and 32-bit calls end the process.

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
pub fn restrict() -> bool {
    // The filter's compiler knows no other machines.
    false
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
pub use known::restrict;

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
mod known {
    use std::collections::BTreeMap;

    use seccompiler::{
        BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule,
    };

    /// Rules by system-call number; no rule at all denies the call whatever its arguments.
    type Rules = BTreeMap<i64, Vec<SeccompRule>>;

    /// Denied whatever the arguments.
    const DENIED: &[i64] = &[
        // Programs.
        libc::SYS_execve,
        libc::SYS_execveat,
        // The network, and the ring that would open sockets unseen. The core talks to nobody, on no family of sockets.
        libc::SYS_socket,
        libc::SYS_io_uring_setup,
        libc::SYS_io_uring_enter,
        libc::SYS_io_uring_register,
        // Other processes: looking into them, writing into them, signalling them.
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_process_madvise,
        libc::SYS_pidfd_open,
        libc::SYS_pidfd_getfd,
        libc::SYS_pidfd_send_signal,
        libc::SYS_kcmp,
        libc::SYS_kill,
        libc::SYS_tkill,
        libc::SYS_rt_sigqueueinfo,
        libc::SYS_rt_tgsigqueueinfo,
        // Memory and messages that others share.
        libc::SYS_shmget,
        libc::SYS_shmat,
        libc::SYS_semget,
        libc::SYS_msgget,
        libc::SYS_mq_open,
        // Mounts, roots, namespaces.
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_pivot_root,
        libc::SYS_chroot,
        libc::SYS_fsopen,
        libc::SYS_fsconfig,
        libc::SYS_fsmount,
        libc::SYS_fspick,
        libc::SYS_move_mount,
        libc::SYS_open_tree,
        libc::SYS_mount_setattr,
        libc::SYS_open_by_handle_at,
        libc::SYS_swapon,
        libc::SYS_swapoff,
        libc::SYS_quotactl,
        libc::SYS_setns,
        libc::SYS_unshare,
        // The kernel.
        libc::SYS_kexec_load,
        libc::SYS_init_module,
        libc::SYS_finit_module,
        libc::SYS_delete_module,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        libc::SYS_fanotify_init,
        libc::SYS_reboot,
        libc::SYS_syslog,
        libc::SYS_acct,
        libc::SYS_personality,
        libc::SYS_settimeofday,
        libc::SYS_clock_settime,
        libc::SYS_clock_adjtime,
        libc::SYS_adjtimex,
        libc::SYS_sethostname,
        libc::SYS_setdomainname,
        libc::SYS_vhangup,
        // The kernel's keyrings.
        libc::SYS_add_key,
        libc::SYS_request_key,
        libc::SYS_keyctl,
        // Who one is.
        libc::SYS_setuid,
        libc::SYS_setgid,
        libc::SYS_setreuid,
        libc::SYS_setregid,
        libc::SYS_setresuid,
        libc::SYS_setresgid,
        libc::SYS_setfsuid,
        libc::SYS_setfsgid,
        libc::SYS_setgroups,
        libc::SYS_capset,
        // What Landlock does not judge about files: owner, mode, times, attributes. Evidence keeps its times.
        libc::SYS_fchmod,
        libc::SYS_fchmodat,
        FCHMODAT2,
        libc::SYS_fchown,
        libc::SYS_fchownat,
        libc::SYS_utimensat,
        libc::SYS_setxattr,
        libc::SYS_lsetxattr,
        libc::SYS_fsetxattr,
        SETXATTRAT,
        libc::SYS_removexattr,
        libc::SYS_lremovexattr,
        libc::SYS_fremovexattr,
        REMOVEXATTRAT,
        FILE_SETATTR,
    ];

    // Numbers that the C library's list lacks; since Linux 5.0 every machine has the same.
    const FCHMODAT2: i64 = 452;
    const SETXATTRAT: i64 = 463;
    const REMOVEXATTRAT: i64 = 466;
    const FILE_SETATTR: i64 = 469;

    /// Calls that newer machines no longer have.
    #[cfg(target_arch = "x86_64")]
    const DENIED_HERE: &[i64] = &[
        libc::SYS_fork,
        libc::SYS_vfork,
        libc::SYS_chmod,
        libc::SYS_chown,
        libc::SYS_lchown,
        libc::SYS_utime,
        libc::SYS_utimes,
        libc::SYS_futimesat,
        libc::SYS_kexec_file_load,
        libc::SYS_ioperm,
        libc::SYS_iopl,
        libc::SYS_modify_ldt,
        libc::SYS_uselib,
    ];
    #[cfg(not(target_arch = "x86_64"))]
    const DENIED_HERE: &[i64] = &[];

    /// What makes a number one of x32.
    #[cfg(target_arch = "x86_64")]
    const X32: i64 = 0x4000_0000;
    /// Numbers that only x32 has.
    #[cfg(target_arch = "x86_64")]
    const X32_OWN: std::ops::RangeInclusive<i64> = 512..=547;

    /// Pushes a byte into the terminal's input, as if the user had typed it.
    const TIOCSTI: u64 = 0x5412;
    /// Pastes into a console's input.
    const TIOCLINUX: u64 = 0x541c;

    /// Bits of `clone` that make namespaces: cgroup, UTS, IPC, user, PID, net, mount.
    const NAMESPACES: [u64; 7] =
        [0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000, 0x0002_0000];
    /// The bit of `clone` that makes a thread and not a process.
    const THREAD: u64 = 0x0001_0000;

    /// Puts the filters in force for this thread and those that it starts; whether they are.
    pub fn restrict() -> bool {
        let Ok((denied, unknown)) = programs() else { return false };
        seccompiler::apply_filter(&denied).is_ok() && seccompiler::apply_filter(&unknown).is_ok()
    }

    /// The filter that answers `EPERM`, and the one that answers `ENOSYS`.
    fn programs() -> Result<(BpfProgram, BpfProgram), BackendError> {
        let mut rules: Rules = DENIED.iter().chain(DENIED_HERE).map(|call| (*call, Vec::new())).collect();
        let mut clone = vec![rule(0, SeccompCmpOp::MaskedEq(THREAD), 0)?];
        for bit in NAMESPACES {
            clone.push(rule(0, SeccompCmpOp::MaskedEq(bit), bit)?);
        }
        rules.insert(libc::SYS_clone, clone);
        let input = [rule(1, SeccompCmpOp::Eq, TIOCSTI)?, rule(1, SeccompCmpOp::Eq, TIOCLINUX)?];
        rules.insert(libc::SYS_ioctl, input.into());
        // Limits of another process.
        rules.insert(libc::SYS_prlimit64, vec![rule(0, SeccompCmpOp::Ne, 0)?]);
        #[cfg(target_arch = "x86_64")]
        {
            let under_x32: Rules = rules.iter().map(|(call, rules)| (call | X32, rules.clone())).collect();
            rules.extend(under_x32);
            rules.extend(X32_OWN.map(|call| (call | X32, Vec::new())));
        }
        // The flags of the newer call lie in memory, where no filter sees them. As if the kernel did not know it: the C
        // library then makes its threads with the older one.
        #[cfg_attr(not(target_arch = "x86_64"), expect(unused_mut, reason = "x32 adds a number"))]
        let mut newer = Rules::from([(libc::SYS_clone3, Vec::new())]);
        #[cfg(target_arch = "x86_64")]
        newer.insert(libc::SYS_clone3 | X32, Vec::new());
        Ok((program(rules, libc::EPERM)?, program(newer, libc::ENOSYS)?))
    }

    /// A rule on the lower half of one argument: the kernel looks at no more of these.
    fn rule(argument: u8, is: SeccompCmpOp, value: u64) -> Result<SeccompRule, BackendError> {
        SeccompRule::new(vec![SeccompCondition::new(argument, SeccompCmpArgLen::Dword, is, value)?])
    }

    fn program(rules: Rules, answer: i32) -> Result<BpfProgram, BackendError> {
        let answer = SeccompAction::Errno(answer.unsigned_abs());
        SeccompFilter::new(rules, SeccompAction::Allow, answer, std::env::consts::ARCH.try_into()?)?.try_into()
    }
}
