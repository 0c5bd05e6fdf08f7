package incident

// vocabularySector holds what only the laws and gradings of sectors in China ask for: finance, industry, telecoms.
var vocabularySector = []Entry{}
