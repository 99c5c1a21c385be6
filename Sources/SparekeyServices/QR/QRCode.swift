import CQRencode
import SparekeyCore

/// A QR code as inline SVG: one path of unit squares with the quiet zone of four modules the standard asks for
/// (ISO/IEC 18004), black on white whatever the page's colours.
package enum QRCode {
  package struct TooLong: Error {}

  /// - Throws: `TooLong` beyond what one symbol holds (about 2,000 bytes).
  package static func svg(of text: Secret) throws -> String {
    let bytes = text.withBytes { Array($0) }
    guard let code = QRcode_encodeData(Int32(bytes.count), bytes, 0, QR_ECLEVEL_M) else { throw TooLong() }
    defer { QRcode_free(code) }
    let width = Int(code.pointee.width)
    guard let modules = code.pointee.data else { throw TooLong() }
    var path = ""
    for y in 0..<width {
      for x in 0..<width where modules[y * width + x] & 1 == 1 { path += "M\(x + 4) \(y + 4)h1v1h-1z" }
    }
    let side = width + 8
    return """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(side) \(side)" shape-rendering="crispEdges" \
      aria-hidden="true" focusable="false"><path fill="#fff" d="M0 0h\(side)v\(side)H0z"/>\
      <path fill="#000" d="\(path)"/></svg>
      """
  }
}
