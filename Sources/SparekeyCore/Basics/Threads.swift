import CProcess
import Glibc

/// Runs work that blocks on a thread of its own; the pools of tasks and queues have few. It ends with its work.
/// - Parameter name: what `top -H` shows, 15 bytes at most.
/// - Returns: false where the system gives no more threads; nothing runs then.
package func startThread(_ name: String, _ work: @escaping @Sendable () -> Void) -> Bool {
  final class Work {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }
  let handed = Unmanaged.passRetained(
    Work {
      _ = name_this_thread(name)
      work()
    })
  var thread = pthread_t()
  let status = pthread_create(
    &thread, nil,
    { handed in
      if let handed { Unmanaged<Work>.fromOpaque(handed).takeRetainedValue().run() }
      return nil
    }, handed.toOpaque())
  guard status == 0 else {
    handed.release()
    return false
  }
  pthread_detach(thread)
  return true
}
