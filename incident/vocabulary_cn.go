package incident

var (
	objects = []string{"ordinary", "important", "very_important"}
	losses  = []string{"none", "small", "larger", "serious", "extreme"}
	harms   = []string{"none", "general", "larger", "major", "extreme"}
)

// vocabularyCN holds what only the laws and gradings of China ask for.
var vocabularyCN = []Entry{
	{Path: "category", Type: Word, Words: []string{"mal", "att", "dat", "con", "dev", "ops", "haz", "abn", "fmj", "oth"},
		Means: "category of GB/T 20986-2023, by ids of ours: the standard's codes are not public"},
	{Path: "subcategory", Type: Text, Means: "sub-category of GB/T 20986-2023 by its Chinese name"},
	{Path: "gbt20986_code", Type: Text, Means: "the standard's own code, where a person knows it"},
	{Path: "category_2017", Type: Word, Words: []string{"mal", "att", "inf", "con", "dev", "dis", "oth"},
		Means: "type under the national plan of 2017, which keeps the seven of 2007"},
	{Path: "grading.gbt.object", Type: Word, Words: objects, Means: "importance of what was hit (GB/T 20986), judged by a person"},
	{Path: "grading.gbt.loss", Type: Word, Words: losses, Means: "loss of business (GB/T 20986), judged by a person"},
	{Path: "grading.gbt.harm", Type: Word, Words: harms, Means: "harm to society (GB/T 20986), judged by a person"},
	{Path: "grading.plan.data", Type: Bool, Means: "state secrets, important sensitive information or key data were lost, stolen, tampered with or counterfeited (national plan of 2017)"},
}
