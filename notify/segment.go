package notify

// Segment is people of one kind and value who are reached alike.
type Segment struct {
	Kind   string
	Value  string
	Ladder string // push>sms>email
	People int64
}
