package runs

// Names of files of a run folder, for whoever looks for runs.
const (
	ManifestFile = manifestFile // the last that is made of a new run: without it nothing is one
	MetricsFile  = metricsFile
	ErrorFile    = errorFile
	LockFile     = lockFile
)
