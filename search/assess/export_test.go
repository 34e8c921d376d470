package assess

// Surveyed is the number of rows of each split that are surveyed.
var Surveyed = surveyed
