import Glibc
import SparekeyCore

/// Lets this thread wait: connections are used by one thread each.
func sleep(for duration: Duration) { usleep(useconds_t(max(0, duration / .microseconds(1)))) }
