/// Work that waits, in one line for each source. The lines are served in turn, and when there is no room the longest one
/// gives way: whoever asks for much waits for themselves, not for others (T9).
struct FairQueue<Work: Sendable>: Sendable {
  private struct Place: Sendable {
    let id: UInt64
    let work: Work
  }

  private var lines: [String: [Place]] = [:]
  /// Sources with a line, the next one first.
  private var turns: [String] = []
  private(set) var count = 0
  /// Work that waits at most, of all sources together.
  let room: Int

  init(room: Int) { self.room = room }

  /// Whether work from there would be taken: a full queue takes it only in the place of the last of a longer line.
  /// - Parameter toBegin: the work comes with a later step. Half of the room is kept for those who have begun.
  func hasRoom(for source: String, toBegin: Bool = false) -> Bool {
    count < (toBegin ? (room + 1) / 2 : room) || lineToCut(for: source) != nil
  }

  private func lineToCut(for source: String) -> (source: String, last: UInt64)? {
    guard let longest = lines.max(by: { $0.value.count < $1.value.count }), let last = longest.value.last,
      longest.value.count > (lines[source]?.count ?? 0) + 1
    else { return nil }
    return (longest.key, last.id)
  }

  /// - Returns: what has no place any more: this work, or the last of a longer line; nil when there was room.
  mutating func add(_ work: Work, id: UInt64, from source: String) -> Work? {
    var displaced: Work?
    if count >= room {
      guard let line = lineToCut(for: source) else { return work }
      displaced = remove(line.last, from: line.source)
    }
    if lines[source] == nil { turns.append(source) }
    lines[source, default: []].append(Place(id: id, work: work))
    count += 1
    return displaced
  }

  /// The first of the line whose turn it is.
  mutating func next() -> Work? {
    guard let source = turns.first, let first = lines[source]?.first else { return nil }
    let work = remove(first.id, from: source)
    if lines[source] != nil { turns.append(turns.removeFirst()) }
    return work
  }

  mutating func remove(_ id: UInt64, from source: String) -> Work? {
    guard let index = lines[source]?.firstIndex(where: { $0.id == id }) else { return nil }
    let work = lines[source]?.remove(at: index).work
    count -= 1
    if lines[source]?.isEmpty == true {
      lines[source] = nil
      turns.removeAll { $0 == source }
    }
    return work
  }

  /// Everything that waits, of all sources.
  mutating func removeAll() -> [Work] {
    defer { self = FairQueue(room: room) }
    return lines.values.flatMap { $0.map(\.work) }
  }
}
