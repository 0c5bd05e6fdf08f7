package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"tocsin/internal/app"
)

type simulatorCmd struct {
	Addr       string             `default:"127.0.0.1:0" placeholder:"HOST:PORT" help:"HTTP door: SMS, push, what arrived, and /_admin."`
	SMTP       string             `default:"127.0.0.1:0" placeholder:"HOST:PORT" help:"SMTP door."`
	Callback   string             `placeholder:"URL" help:"Where receipts go, with {provider} in it."`
	BounceSMTP string             `name:"bounce-smtp" placeholder:"HOST:PORT" help:"Deliver bounces here as mail, instead of posting them to the callback."`
	CA         string             `placeholder:"FILE" help:"Write the SMTP door's certificate here."`
	Seed       uint64             `help:"Of every random choice: the same seed troubles the same people."`
	Faults     map[string]float64 `placeholder:"KIND=SHARE" mapsep:"," help:"Share of recipients that meet a kind of fault; *=0.01 is 1 % of every kind. GET /_admin/kinds lists them."`
	Hang       time.Duration      `default:"1m" help:"How long the fault hang gives no answer."`
	Slow       time.Duration      `help:"How late the faults slow and drip answer; 0: three and two seconds."`
	Extensions string             `name:"smtp-extensions" default:"chunking" enum:"none,pipelining,chunking" help:"What the SMTP door announces: ${enum}."`
	Insecure   bool               `name:"smtp-insecure" help:"Take mail without TLS, for measuring."`
	PerConn    int                `name:"smtp-per-connection" help:"Messages that a connection takes before 421; 0 has no limit."`
	Sample     int                `default:"1" help:"Check in full and keep whole one message in so many."`
	Keep       int                `default:"200" help:"Messages kept whole."`
	Receipts   time.Duration      `name:"receipt-delay" default:"300ms" help:"How soon receipts come."`
	Query      time.Duration      `name:"query-delay" help:"How soon a message is found by a query."`
	Balance    int64              `help:"SMS segments that are paid for; 0 has no limit."`
	DayCap     int64              `help:"SMS segments a day; 0 has no limit."`
	Limits     bool               `help:"Hold calls to the providers' documented rates."`
}

// Help is the example that --help shows.
func (simulatorCmd) Help() string {
	return "Example: tocsin simulator --addr 127.0.0.1:9090 --smtp 127.0.0.1:2525 --ca sim.pem --faults greylist=0.02,lost=0.001"
}

// Run simulates until the process is told to stop.
func (c simulatorCmd) Run(ctx context.Context, io streams) error {
	s, err := app.StartSimulator(app.SimulatorOptions{
		HTTPAddr: c.Addr, SMTPAddr: c.SMTP, Callback: c.Callback, BounceSMTP: c.BounceSMTP, Seed: c.Seed, Faults: c.Faults, Hang: c.Hang, Slow: c.Slow,
		Extensions: c.Extensions, Insecure: c.Insecure, PerConnection: c.PerConn, Sample: c.Sample, Keep: c.Keep,
		ReceiptDelay: c.Receipts, QueryDelay: c.Query, Balance: c.Balance, DayCap: c.DayCap, Limits: c.Limits, Log: logger(io.err, "info"),
	})
	if err != nil {
		return err
	}
	if c.CA != "" {
		if err := os.WriteFile(c.CA, s.CertPEM(), 0o600); err != nil {
			return fmt.Errorf("write certificate: %w", err)
		}
	}
	fmt.Fprintf(io.out, "http %s\nsmtp %s\n", s.HTTPAddr(), s.SMTPAddr())
	<-ctx.Done()
	return s.Stop(context.WithoutCancel(ctx))
}
