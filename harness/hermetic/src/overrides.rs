//! The two functions of libc that we stand in for to answer. All unsafe code of the workspace is in this file and in
//! `escapes`.

use std::ffi::{c_int, c_uint, c_void};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{CONTEXT, Context, EPOCH_SECONDS, MONOTONIC_START_SECONDS};

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Stands in for libc's `getrandom`.
///
/// # Safety
/// `buffer` points to `length` writable bytes, as for the original.
#[unsafe(no_mangle)]
unsafe extern "C" fn getrandom(buffer: *mut c_void, length: usize, flags: c_uint) -> isize {
    CONTEXT.with(|context| {
        if context.active.get() {
            // The getrandom crate probes with length 0: that must not move the stream.
            if length > 0 {
                // SAFETY: the caller promises `length` writable bytes.
                fill(context, unsafe {
                    std::slice::from_raw_parts_mut(buffer.cast(), length)
                });
            }
            length as isize
        } else {
            // SAFETY: the same arguments, the same contract.
            unsafe { libc::syscall(libc::SYS_getrandom, buffer, length, flags) as isize }
        }
    })
}

/// SplitMix64. What draws from here (hash seeds, ids) needs repeatability, not secrecy.
fn fill(context: &Context, bytes: &mut [u8]) {
    context.draws.set(context.draws.get() + 1);
    for chunk in bytes.chunks_mut(8) {
        let state = context.entropy.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        context.entropy.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let word = (mixed ^ (mixed >> 31)).to_le_bytes();
        chunk.copy_from_slice(&word[..chunk.len()]);
    }
}

/// Stands in for libc's `clock_gettime`.
///
/// # Safety
/// `time` points to a writable `timespec`, as for the original.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> c_int {
    CONTEXT.with(|context| match virtual_nanos(context, clock) {
        Some(nanos) => {
            // SAFETY: the caller promises a writable timespec.
            unsafe {
                (*time).tv_sec = (nanos / NANOS_PER_SECOND) as libc::time_t;
                (*time).tv_nsec = (nanos % NANOS_PER_SECOND) as libc::c_long;
            }
            0
        }
        // SAFETY: the same arguments, the same contract.
        None => unsafe { system_clock_gettime(clock, time) },
    })
}

/// What `clock` shows on a simulation thread; none for other threads, and for clocks of CPU time.
fn virtual_nanos(context: &Context, clock: libc::clockid_t) -> Option<u64> {
    if !context.active.get() {
        return None;
    }
    let now = context.now_nanos.get();
    match clock {
        libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE => Some(
            (EPOCH_SECONDS * NANOS_PER_SECOND)
                .saturating_add(now)
                .saturating_add_signed(context.skew_nanos.get()),
        ),
        libc::CLOCK_MONOTONIC
        | libc::CLOCK_MONOTONIC_RAW
        | libc::CLOCK_MONOTONIC_COARSE
        | libc::CLOCK_BOOTTIME => Some((MONOTONIC_START_SECONDS * NANOS_PER_SECOND).saturating_add(now)),
        _ => None,
    }
}

type ClockGettime = unsafe extern "C" fn(libc::clockid_t, *mut libc::timespec) -> c_int;

/// The original, which reads the clock without entering the kernel; the system call where there is none.
///
/// # Safety
/// As [`clock_gettime`].
unsafe fn system_clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> c_int {
    static ORIGINAL: AtomicUsize = AtomicUsize::new(0);
    let mut original = ORIGINAL.load(Ordering::Relaxed);
    if original == 0 {
        // SAFETY: a plain look-up of a symbol by a constant, terminated name.
        original = unsafe { libc::dlsym(libc::RTLD_NEXT, c"clock_gettime".as_ptr()) } as usize;
        ORIGINAL.store(original, Ordering::Relaxed);
    }
    if original == 0 {
        // SAFETY: the same arguments, the same contract.
        return unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) as c_int };
    }
    // SAFETY: not null, and the symbol of that name has this signature.
    let original = unsafe { std::mem::transmute::<usize, ClockGettime>(original) };
    // SAFETY: the same arguments, the same contract.
    unsafe { original(clock, time) }
}

/// Whether a look-up of `getrandom` at run time finds ours: the getrandom crate finds it so.
pub(crate) fn getrandom_is_ours() -> bool {
    // SAFETY: a plain look-up of a symbol by a constant, terminated name.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"getrandom".as_ptr()) };
    std::ptr::eq(found, getrandom as *const c_void)
}
