/// What a template sees of a value. What is absent has none.
indirect enum TemplateValue: Sendable {
  case flag(Bool)
  case text(String)
  case list([TemplateValue])
  case members([String: TemplateValue])

  /// Reads a value by reflection: a structure by its properties, an optional by what is in it, and anything that is
  /// neither text, flag nor array as it describes itself.
  /// - Returns: nil of an optional that holds nothing.
  init?(of value: Any) {
    // Also one that is absent; a cast costs less than a mirror.
    if let text = value as? String? {
      guard let text else { return nil }
      self = .text(text)
    } else if let flag = value as? Bool {
      self = .flag(flag)
    } else {
      let mirror = Mirror(reflecting: value)
      switch mirror.displayStyle {
      case .optional:
        guard let held = mirror.children.first else { return nil }
        self.init(of: held.value)
      case .collection: self = .list(mirror.children.compactMap { TemplateValue(of: $0.value) })
      case .struct:
        var members: [String: TemplateValue] = [:]
        for case (let name?, let member) in mirror.children { members[name] = TemplateValue(of: member) }
        self = .members(members)
      default: self = .text(String(describing: value))
      }
    }
  }

  /// Whether a section about it is shown: all but `false` and a list of nothing.
  var isShown: Bool {
    switch self {
    case .flag(let flag): flag
    case .list(let values): !values.isEmpty
    case .text, .members: true
    }
  }

  var isEmpty: Bool {
    switch self {
    case .text(let text): text.isEmpty
    case .list(let values): values.isEmpty
    case .flag, .members: false
    }
  }

  /// As it stands on a page.
  var text: String {
    switch self {
    case .text(let text): text
    case .flag(let flag): String(flag)
    case .list, .members: ""
    }
  }

  func member(_ name: String) -> TemplateValue? {
    if case .members(let members) = self { members[name] } else { nil }
  }
}
