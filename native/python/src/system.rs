//! Small system calls: time, randomness, privileges.

use std::io;

/// Nanoseconds of the monotonic clock.
pub fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for the result; CLOCK_MONOTONIC always exists on Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

/// 32 octets of the kernel's randomness.
pub fn seed() -> io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    // SAFETY: the buffer is as long as said. Up to 256 octets are never cut short (getrandom(2)).
    let got = unsafe { libc::getrandom(seed.as_mut_ptr().cast(), seed.len(), 0) };
    if got == seed.len().cast_signed() {
        Ok(seed)
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Set `no_new_privs` on this process.
pub fn forbid_new_privileges() -> io::Result<()> {
    // SAFETY: this prctl takes plain numbers.
    let result = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    check(result).map(drop)
}

/// Have every large block of memory come from the kernel and go back to it when it is freed. The GNU C library stops
/// doing so for blocks as large as those that were freed before, and then keeps what outgrown vectors left.
pub fn return_large_blocks() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt takes plain numbers.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
    }
}

/// Octets from which on a block is a large one: where the GNU C library begins.
#[cfg(target_env = "gnu")]
const LARGE: libc::c_int = 128 * 1024;

/// Let short pauses of this thread be as short as they are asked for: by default the kernel makes them 50 µs longer.
pub fn sleep_precisely() -> io::Result<()> {
    // SAFETY: this prctl takes plain numbers.
    let result = unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1, 0, 0, 0) };
    check(result).map(drop)
}

/// Descriptors that this process may have open.
pub fn descriptor_limit() -> usize {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid place for the result.
    let result = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    if result == 0 {
        usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX)
    } else {
        64
    }
}

/// The result of a system call, or its error.
pub fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}
