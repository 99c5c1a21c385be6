import ArgumentParser
import Configuration
import ServiceLifecycle
@main struct Main { static func main() { print("hi") } }
