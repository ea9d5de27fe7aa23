package inspect

// What answers of the Subject are made of, for the tests that hold it to numbers from elsewhere.
var (
	Column       = column
	Columns      = columns
	FindExtremes = findExtremes
	NewAblation  = newAblation
	NewPrior     = newPrior
	Spreads      = spreads
	WeightsOf    = weightsOf
)
