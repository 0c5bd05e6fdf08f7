package aliyun

import (
	"crypto/tls"
	"errors"
	"net"
)

// unsent reports whether a transport error proves that no byte of the request left: the connection was
// never made, or TLS never stood.
func unsent(err error) bool {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return true
	}
	var dns *net.DNSError
	var record tls.RecordHeaderError
	var cert *tls.CertificateVerificationError
	return errors.As(err, &dns) || errors.As(err, &record) || errors.As(err, &cert)
}
