import ArgumentParser
import AsyncHTTPClient
import Configuration
import CryptoExtras
import GRDB
import HummingbirdHTTP2
import HummingbirdTLS
import JWTKit
import Mustache
import ServiceLifecycle
import X509

print("It is there to be built.")
