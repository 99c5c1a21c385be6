import Testing
import SparekeyCore
