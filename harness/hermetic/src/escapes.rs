//! What code on a simulation thread asks of the system that a run cannot answer for: it is told of, and where it can be,
//! refused.
//!
//! The C library's functions are replaced as those for time and randomness are. All unsafe code of it is in this file.
//!
//! | function | on a simulation thread |
//! |---|---|
//! | `nanosleep`, `clock_nanosleep` | return at once: virtual time stands still meanwhile, however long they take |
//! | `socket` | of the internet, or of this machine: fails with `EPERM` |
//! | `getaddrinfo`, of a name | fails with `EAI_FAIL`; on threads that [`assist`], too |
//! | `pthread_create`, `fork`, `posix_spawn`, `posix_spawnp` | as ever: what runs elsewhere cannot be held |

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::fmt;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::CONTEXT;

/// Something that a run cannot answer for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Escape {
    /// The thread was to sleep for so long. It has not.
    Sleep(Duration),
    /// A socket was asked for, and refused.
    Socket,
    /// The address of this name was asked for, and refused.
    Resolve(String),
    /// A thread was started.
    Thread,
    /// A process was started.
    Process,
}

impl fmt::Display for Escape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Escape::Sleep(time) => write!(f, "sleeps for {time:?} on the system's clock"),
            Escape::Socket => f.write_str("asks the system for a socket"),
            Escape::Resolve(name) => write!(f, "asks the system's resolver for `{name}`"),
            Escape::Thread => f.write_str("starts a thread"),
            Escape::Process => f.write_str("starts a process"),
        }
    }
}

type Watcher = Rc<dyn Fn(Escape)>;

thread_local! {
    static WATCHER: RefCell<Option<Watcher>> = const { RefCell::new(None) };
    /// Without a destructor: it may be read at any moment of a thread's life.
    static ASSISTS: Cell<bool> = const { Cell::new(false) };
}

/// Who is told when code on this simulation thread escapes from its run; what it does itself counts for nothing.
/// Replaces the one before it.
pub fn watch(watcher: Option<Rc<dyn Fn(Escape)>>) {
    WATCHER.with(|current| *current.borrow_mut() = watcher);
}

/// From here on this thread, which is no simulation thread, works for one that waits for it without end: names are not
/// looked up, and `watcher` is told. All else it does as any thread does. For the rest of its life.
pub fn assist(watcher: Rc<dyn Fn(Escape)>) {
    watch(Some(watcher));
    ASSISTS.with(|assists| assists.set(true));
}

/// Tells of an escape. False when this thread may do what it likes.
fn is_escape(escape: impl FnOnce() -> Escape) -> bool {
    CONTEXT.with(|context| context.active.get()) && is_told(escape)
}

/// Tells who watches, if anybody does.
fn is_told(escape: impl FnOnce() -> Escape) -> bool {
    // At the end of the thread there is nobody left to tell; nor while the watcher is at it.
    let watcher = WATCHER.try_with(|watcher| watcher.try_borrow_mut().ok()?.take());
    let Ok(Some(watcher)) = watcher else { return false };
    watcher(escape());
    watch(Some(watcher));
    true
}

/// Stands in for libc's `nanosleep`.
///
/// # Safety
/// As the original's: `wanted` points to a `timespec`, `left` to a writable one or nowhere.
#[unsafe(no_mangle)]
unsafe extern "C" fn nanosleep(wanted: *const libc::timespec, left: *mut libc::timespec) -> c_int {
    // SAFETY: the caller promises a timespec.
    if is_escape(|| Escape::Sleep(unsafe { duration(wanted) })) {
        return 0;
    }
    // SAFETY: the same arguments, the same contract.
    unsafe { libc::syscall(libc::SYS_nanosleep, wanted, left) as c_int }
}

/// Stands in for libc's `clock_nanosleep`.
///
/// # Safety
/// As the original's: `wanted` points to a `timespec`, `left` to a writable one or nowhere.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_nanosleep(
    clock: libc::clockid_t,
    flags: c_int,
    wanted: *const libc::timespec,
    left: *mut libc::timespec,
) -> c_int {
    // SAFETY: the caller promises a timespec.
    if is_escape(|| Escape::Sleep(unsafe { duration(wanted) })) {
        return 0;
    }
    // SAFETY: the same arguments, the same contract.
    let result = unsafe { libc::syscall(libc::SYS_clock_nanosleep, clock, flags, wanted, left) };
    // It returns its errors; a system call leaves them elsewhere.
    match result {
        0 => 0,
        _ => std::io::Error::last_os_error()
            .raw_os_error()
            .unwrap_or(libc::EINVAL),
    }
}

/// # Safety
/// `time` points to a `timespec`.
unsafe fn duration(time: *const libc::timespec) -> Duration {
    // SAFETY: the caller promises a timespec.
    let time = unsafe { *time };
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

/// Stands in for libc's `socket`.
///
/// # Safety
/// As the original's, which has no requirements.
#[unsafe(no_mangle)]
unsafe extern "C" fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int {
    let is_ours = matches!(domain, libc::AF_INET | libc::AF_INET6 | libc::AF_UNIX);
    if is_ours && is_escape(|| Escape::Socket) {
        // SAFETY: the address of this thread's own `errno`.
        unsafe { *libc::__errno_location() = libc::EPERM };
        return -1;
    }
    // SAFETY: the same arguments, the same contract.
    unsafe { libc::syscall(libc::SYS_socket, domain, kind, protocol) as c_int }
}

/// Stands in for libc's `getaddrinfo`.
///
/// # Safety
/// As the original's: `name`, `service` and `hints` point to what they are called, or nowhere, the first two terminated;
/// `found` points to a writable pointer.
#[unsafe(no_mangle)]
unsafe extern "C" fn getaddrinfo(
    name: *const c_char,
    service: *const c_char,
    hints: *const libc::addrinfo,
    found: *mut *mut libc::addrinfo,
) -> c_int {
    static ORIGINAL: AtomicUsize = AtomicUsize::new(0);
    // SAFETY: the caller promises hints, or none.
    let is_number = !hints.is_null() && unsafe { (*hints).ai_flags } & libc::AI_NUMERICHOST != 0;
    // Without a name, or with a number for one, nobody is asked.
    if !name.is_null() && !is_number {
        // SAFETY: not null, and the caller promises that it is terminated.
        let escape = || Escape::Resolve(unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned());
        let assists = ASSISTS.with(Cell::get);
        if (assists && is_told(escape)) || is_escape(escape) {
            return libc::EAI_FAIL;
        }
    }
    // SAFETY: a terminated name.
    let original = unsafe { original(&ORIGINAL, "getaddrinfo\0") };
    if original == 0 {
        return libc::EAI_FAIL;
    }
    type Original = unsafe extern "C" fn(
        *const c_char,
        *const c_char,
        *const libc::addrinfo,
        *mut *mut libc::addrinfo,
    ) -> c_int;
    // SAFETY: not null, and the symbol of that name has this signature.
    let original = unsafe { std::mem::transmute::<usize, Original>(original) };
    // SAFETY: the same arguments, the same contract.
    unsafe { original(name, service, hints, found) }
}

/// Defines a function that stands in for libc's of the same name: tells of `$escape`, and goes on to the original.
macro_rules! told {
    ($escape:expr, $name:ident($($argument:ident: $type:ty),*), $missing:expr) => {
        #[doc = concat!("Stands in for libc's `", stringify!($name), "`.")]
        ///
        /// # Safety
        /// As the original's.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($argument: $type),*) -> c_int {
            static ORIGINAL: AtomicUsize = AtomicUsize::new(0);
            is_escape(|| $escape);
            // SAFETY: a terminated name.
            let original = unsafe { original(&ORIGINAL, concat!(stringify!($name), "\0")) };
            if original == 0 {
                return $missing;
            }
            type Original = unsafe extern "C" fn($($type),*) -> c_int;
            // SAFETY: not null, and the symbol of that name has this signature.
            let original = unsafe { std::mem::transmute::<usize, Original>(original) };
            // SAFETY: the same arguments, the same contract.
            unsafe { original($($argument),*) }
        }
    };
}

/// Where the function of this name is that ours stands before; 0 when there is none.
///
/// # Safety
/// The name is terminated.
unsafe fn original(known: &AtomicUsize, name: &'static str) -> usize {
    let mut original = known.load(Ordering::Relaxed);
    if original == 0 {
        // SAFETY: a plain look-up of a symbol by a constant name, which the caller promises is terminated.
        original = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr().cast()) } as usize;
        known.store(original, Ordering::Relaxed);
    }
    original
}

type Start = extern "C" fn(*mut c_void) -> *mut c_void;
type Strings = *const *mut c_char;

told!(
    Escape::Thread,
    pthread_create(
        thread: *mut libc::pthread_t,
        attributes: *const libc::pthread_attr_t,
        start: Start,
        argument: *mut c_void
    ),
    libc::ENOSYS
);
told!(Escape::Process, fork(), -1);
told!(
    Escape::Process,
    posix_spawn(
        pid: *mut libc::pid_t,
        path: *const c_char,
        actions: *const libc::posix_spawn_file_actions_t,
        attributes: *const libc::posix_spawnattr_t,
        arguments: Strings,
        environment: Strings
    ),
    libc::ENOSYS
);
told!(
    Escape::Process,
    posix_spawnp(
        pid: *mut libc::pid_t,
        file: *const c_char,
        actions: *const libc::posix_spawn_file_actions_t,
        attributes: *const libc::posix_spawnattr_t,
        arguments: Strings,
        environment: Strings
    ),
    libc::ENOSYS
);

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
    use std::os::unix::net::UnixDatagram;
    use std::process::Command;
    use std::thread;
    use std::time::Instant;

    use super::*;
    use crate::enter;

    /// What is told while `run` runs on a simulation thread.
    fn escapes(run: impl FnOnce() + Send + 'static) -> Vec<Escape> {
        let run = move || {
            let entered = enter(1).expect("the overrides are linked in");
            let told = Rc::new(RefCell::new(Vec::new()));
            let tells = Rc::clone(&told);
            watch(Some(Rc::new(move |escape| {
                // What a watcher does counts for nothing.
                drop(UdpSocket::bind("127.0.0.1:0"));
                tells.borrow_mut().push(escape);
            })));
            run();
            watch(None);
            drop(entered);
            told.take()
        };
        thread::spawn(run).join().expect("no panic")
    }

    #[test]
    fn what_a_run_cannot_answer_for_is_told() {
        let hour = Duration::from_secs(3600);
        assert_eq!(escapes(move || thread::sleep(hour)), [Escape::Sleep(hour)]);
        let joined = || thread::spawn(|| ()).join().expect("no panic");
        assert_eq!(escapes(joined), [Escape::Thread]);
        let status = || assert!(Command::new("true").status().is_ok_and(|it| it.success()));
        assert_eq!(escapes(status), [Escape::Process]);
    }

    #[test]
    fn sockets_of_the_system_are_refused() {
        fn refused<T>(socket: std::io::Result<T>) -> bool {
            socket.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
        }
        let elsewhere = TcpListener::bind("127.0.0.1:0").expect("no simulation thread");
        let address = elsewhere.local_addr().expect("it is bound");
        let told = escapes(move || {
            assert!(refused(TcpStream::connect(address)));
            assert!(refused(TcpListener::bind("127.0.0.1:0")));
            assert!(refused(UdpSocket::bind("[::1]:0")));
            assert!(refused(UnixDatagram::unbound()));
        });
        assert!(told.iter().all(|it| *it == Escape::Socket), "{told:?}");
        assert_eq!(told.len(), 4);
    }

    /// Whether the name was refused at once, by us.
    fn is_refused(name: &str) -> bool {
        let error = (name, 80).to_socket_addrs().err();
        // std has only words for it.
        error.is_some_and(|error| error.to_string().contains("Non-recoverable failure"))
    }

    #[test]
    fn names_are_not_looked_up() {
        let told = escapes(|| {
            assert!(is_refused("localhost"));
            ("127.0.0.1", 80)
                .to_socket_addrs()
                .expect("nobody is asked for a number");
        });
        assert_eq!(told, [Escape::Resolve("localhost".to_owned())]);
    }

    #[test]
    fn who_assists_looks_no_name_up_and_else_does_what_it_likes() {
        let elsewhere = thread::spawn(|| {
            assert!(("localhost", 80).to_socket_addrs().is_ok(), "in /etc/hosts");
            let told = Rc::new(RefCell::new(Vec::new()));
            let tells = Rc::clone(&told);
            assist(Rc::new(move |escape| tells.borrow_mut().push(escape)));
            assert!(is_refused("localhost") && is_refused("localhost"));
            TcpListener::bind("127.0.0.1:0").expect("no simulation thread");
            let before = Instant::now();
            thread::sleep(Duration::from_millis(2));
            assert!(before.elapsed() >= Duration::from_millis(2));
            told.take()
        });
        let resolve = || Escape::Resolve("localhost".to_owned());
        assert_eq!(elsewhere.join().expect("no panic"), [resolve(), resolve()]);
    }

    #[test]
    fn other_threads_do_what_they_like() {
        let told = escapes(|| {
            let elsewhere = thread::spawn(|| {
                let before = Instant::now();
                thread::sleep(Duration::from_millis(2));
                assert!(before.elapsed() >= Duration::from_millis(2));
                TcpListener::bind("127.0.0.1:0").expect("nothing is refused");
            });
            elsewhere.join().expect("no panic");
        });
        assert_eq!(told, [Escape::Thread], "the one that starts it");
    }
}
