import CSodium
import CQRencode
import Logging
import NIOConcurrencyHelpers
