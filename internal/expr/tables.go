package expr

// The functions and operators by name. A new family is a file with its table, named here.
var (
	operators = merge(comparisons, integerOperators, floatOperators, numericOperators, textOperators, regexOperators, timeOperators)
	functions = merge(integerFunctions, floatFunctions, numericFunctions, textFunctions, regexFunctions, arrayFunctions, timeFunctions)
)
