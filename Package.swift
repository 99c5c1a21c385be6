// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .treatAllWarnings(as: .error),
]

let package = Package(
  name: "sparekey",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "RecoveryCode", targets: ["RecoveryCode"]),
    .executable(name: "sparekey", targets: ["sparekey"]),
    .library(name: "SparekeyClient", targets: ["SparekeyClient"]),
  ],
  dependencies: [
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  ],
  targets: [
    .systemLibrary(name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
    .systemLibrary(name: "CQRencode", pkgConfig: "libqrencode", providers: [.apt(["libqrencode-dev"])]),
    .systemLibrary(name: "CCrypt"),
    .systemLibrary(name: "CFido2", pkgConfig: "libfido2", providers: [.apt(["libfido2-dev"])]),
    .systemLibrary(name: "CProcess"),
    .target(name: "CHashMemory"),
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
    .systemLibrary(name: "CUnicode", providers: [.apt(["libutf8proc-dev"])]),
    .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),

    .target(name: "RecoveryCode", swiftSettings: settings),
    .target(
      name: "SparekeyCore",
      dependencies: [
        "CProcess", "CUnicode", "RecoveryCode",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
      ],
      swiftSettings: settings),
    .target(
      name: "SparekeyStore",
      dependencies: [
        "SparekeyCore", "CPostgres", "CSQLite",
        .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
      ],
      resources: [.embedInCode("Migrations/SQLite"), .embedInCode("Migrations/PostgreSQL")],
      swiftSettings: settings),
    .target(
      name: "SparekeyServices",
      dependencies: [
        "SparekeyCore", "CHashMemory", "CSodium", "CQRencode", "CProcess", "CFido2", "CCurl", "CCrypt",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "CryptoExtras", package: "swift-crypto"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
      ],
      exclude: ["Resources"],
      swiftSettings: settings),
    .target(
      name: "SparekeyWeb",
      dependencies: [
        "SparekeyCore", "RecoveryCode",
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
        .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
      ],
      exclude: ["Resources"],
      swiftSettings: settings),
    .executableTarget(
      name: "sparekey",
      dependencies: [
        "CYAML", "RecoveryCode", "SparekeyCore", "SparekeyStore", "SparekeyServices", "SparekeyWeb",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ],
      swiftSettings: settings),

    // For other people's apps: it knows nothing of the rest of this package.
    .target(
      name: "SparekeyClient",
      dependencies: [
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Hummingbird", package: "hummingbird"),
      ],
      swiftSettings: settings),
    .executableTarget(
      name: "notes",
      dependencies: ["SparekeyClient", .product(name: "Hummingbird", package: "hummingbird")],
      path: "Examples/notes", swiftSettings: settings),
    .testTarget(
      name: "SparekeyClientTests",
      dependencies: [
        "SparekeyClient", .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
      ],
      swiftSettings: settings),

    .executableTarget(
      name: "durable-writes", dependencies: ["SparekeyCore", "SparekeyStore"],
      path: "Benchmarks/DurableWrites",
      swiftSettings: settings),

    .target(
      name: "MemoryStore",
      dependencies: [
        "SparekeyCore", .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
      ],
      path: "Tests/MemoryStore", swiftSettings: settings),
    .target(
      name: "PostgreSQLServer",
      dependencies: [
        "SparekeyStore", .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
      ],
      path: "Tests/PostgreSQLServer", exclude: ["serve"], swiftSettings: settings),
    .testTarget(name: "RecoveryCodeTests", dependencies: ["RecoveryCode"], swiftSettings: settings),
    .testTarget(
      name: "SparekeyCoreTests", dependencies: ["SparekeyCore", "SparekeyServices"],
      resources: [.copy("passkey-vectors.json")], swiftSettings: settings),
    .testTarget(
      name: "SparekeyStoreTests",
      dependencies: [
        "SparekeyStore", "SparekeyCore", "MemoryStore", "PostgreSQLServer",
      ],
      swiftSettings: settings),
    .testTarget(
      name: "SparekeyServicesTests",
      dependencies: [
        "SparekeyServices", "SparekeyCore", .product(name: "Crypto", package: "swift-crypto"),
      ],
      swiftSettings: settings),
    .testTarget(
      name: "JourneyTests",
      dependencies: [
        "sparekey", "SparekeyCore", "SparekeyServices", "SparekeyStore", "SparekeyWeb", "RecoveryCode",
        "MemoryStore", "PostgreSQLServer", .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
      ],
      swiftSettings: settings),
  ]
)
