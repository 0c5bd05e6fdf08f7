package incident

// vocabularyEU holds what only the laws and gradings of the EU ask for.
var vocabularyEU = []Entry{}
