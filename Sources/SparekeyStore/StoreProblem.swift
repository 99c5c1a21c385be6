import SparekeyCore

/// What is wrong with the database, for the person who runs the service.
package enum StoreProblem: OperatorFault, Equatable {
  case cannotOpen(path: String, reason: String)
  case damaged(path: String, what: String)
  /// While serving: damage, or a mistake of this program.
  case failed(reason: String)
  /// While serving: a full disk, one that takes no writes, another program that holds the file for long. Nothing was
  /// changed, and it works again when the operator has mended that.
  case hindered(reason: String)
  case notDurable
  case newerSchema(found: Int, known: Int)
  /// A backup never writes over a file.
  case inTheWay(path: String)
  case notOurs(path: String)
  case inUse(path: String)
  /// PostgreSQL: no server takes writes at the moment.
  case unavailable(reason: String)
  /// PostgreSQL: the connection was lost in the midst of a COMMIT, and nobody could say in time what became of it.
  case outcomeUnknown
  /// PostgreSQL: the database was made with another key file.
  case otherKeys

  package var description: String {
    switch self {
    case .cannotOpen(let path, let reason): "The database \(path) cannot be opened: \(reason)."
    case .damaged(let path, let what):
      "The database \(path) is damaged: \(what). Restore its newest backup."
    case .failed(let reason): "The database answered: \(reason)."
    case .hindered(let reason):
      "The database cannot be used now: \(reason). People are told to come back. No restart is needed once this is mended."
    case .notDurable: "SQLite refused synchronous=FULL; acknowledged changes would not survive power loss."
    case .newerSchema(let found, let known):
      "The database has schema version \(found); this program knows up to \(known). Install the newer program."
    case .inTheWay(let path): "There is a file \(path) already. Give another name."
    case .notOurs(let path): "\(path) is no database of this program."
    case .inUse(let path): "A program has the database \(path) open. Stop the service first."
    case .unavailable(let reason): "No database server takes writes: \(reason)."
    case .outcomeUnknown:
      "The connection to the database was lost while it committed; the outcome is not known."
    case .otherKeys:
      "The database was made with another key file. Every node needs a copy of the same one: the first node's."
    }
  }

  package var retryAfterSeconds: Int? {
    switch self {
    case .unavailable, .outcomeUnknown: 2
    case .hindered: 5
    default: nil
    }
  }
}
