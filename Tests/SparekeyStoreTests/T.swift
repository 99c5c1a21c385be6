import Testing
import SparekeyStore
