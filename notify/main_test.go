package notify_test

import (
	"os"
	"testing"

	"tocsin/internal/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }
