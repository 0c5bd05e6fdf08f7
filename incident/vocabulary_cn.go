package incident

// vocabularyCN holds what only the laws and gradings of China ask for.
var vocabularyCN = []Entry{}
