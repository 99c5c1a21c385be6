import GRDB
import SparekeyCore
