package incident

var (
	outcomes = []string{"none", "general", "larger", "major", "extreme"}
	worse    = []string{"none", "larger", "major", "extreme"}
)

// vocabularySector holds what only the laws and gradings of sectors in China ask for: finance, industry, telecoms.
var vocabularySector = []Entry{
	{Path: "grading.pboc.key_system", Type: Bool, Means: "a key financial network is hit (P1)"},
	{Path: "grading.pboc.peak_down_min", Type: Number, Means: "minutes of peak time its main functions were wholly interrupted (P1)"},
	{Path: "grading.pboc.provinces", Type: Count, Means: "provinces which that interruption hit (P1)"},
	{Path: "grading.pboc.service_persons", Type: Count, Means: "people affected because a financial service could not run (P2)"},
	{Path: "grading.pboc.service_organisations", Type: Count, Means: "organisations so affected (P2)"},
	{Path: "grading.pboc.sensitive_records", Type: Count, Means: "records with sensitive personal information; not people (P4)"},
	{Path: "grading.pboc.credit_records", Type: Count, Means: "records with credit or property information; not people (P4)"},
	{Path: "grading.pboc.ransomware_harm", Type: Bool, Means: "ransomware caused harm to a network or data (P5)"},
	{Path: "grading.pboc.found_by_cac", Type: Word, Words: outcomes, Means: "the grade decided by CAC or police (P7)"},
	{Path: "grading.pboc.found_by_pboc", Type: Word, Words: []string{"none", "major", "extreme"}, Means: "the grade decided in writing by the PBOC (P8)"},
	{Path: "grading.pboc.hot_opinion", Type: Bool, Means: "it has drawn wide public attention"},
	{Path: "grading.nfra.important_reach", Type: Word, Words: []string{"none", "local", "provincial", "interprovincial"}, Means: "how far the effect on important data reaches"},
	{Path: "grading.nfra.sensitive_harm", Type: Word, Words: []string{"none", "ordinary", "larger", "major", "extreme"}, Means: "harm of an incident with sensitive or higher data, judged by a person"},
	{Path: "grading.bank53.continuity", Type: Bool, Means: "an important information system is hit and business continuity affected"},
	{Path: "grading.bank53.harm", Type: Word, Words: []string{"none", "some", "larger", "serious", "extreme"}, Means: "harm to the bank, its customers or the public, judged by a person"},
	{Path: "grading.bank53.service_down_min", Type: Number, Means: "minutes of service hours in which business could not run"},
	{Path: "grading.bank53.provinces", Type: Count, Means: "provinces in which business could not run"},
	{Path: "grading.bank53.off_hours", Type: Word, Words: []string{"none", "major", "extreme"}, Means: "what an event outside service hours may become"},
	{Path: "grading.bank53.plan_failed", Type: Bool, Means: "the emergency plan or a decision on it failed"},
	{Path: "grading.miit.threat", Type: Word, Words: []string{"none", "slight", "fairly_serious", "serious", "extreme"}, Means: "threat of the data incident, judged by a person"},
	{Path: "grading.miit.data_class", Type: Word, Words: []string{"general", "important", "core"}, Means: "the highest class of the data concerned"},
	{Path: "grading.miit.industry", Type: Word, Words: []string{"none", "slight", "part", "fairly_wide", "wide"}, Means: "effect on the industry, judged by a person"},
	{Path: "grading.miit.interruption_hours", Type: Number, Means: "hours of interrupted telecom or radio service"},
	{Path: "grading.internet.offline", Type: Word, Words: []string{"none", "prefecture", "province", "provinces", "nationwide"}, Means: "where large numbers of users cannot go online"},
	{Path: "grading.internet.disruption", Type: Word, Words: worse, Means: "how badly sites, platforms and name service are disturbed"},
	{Path: "grading.internet.other", Type: Word, Words: outcomes, Means: "other harm to the public internet"},
	{Path: "grading.caac.warning", Type: Word, Words: []string{"blue", "yellow", "orange", "red"}, Means: "the warning level of civil aviation"},
}
