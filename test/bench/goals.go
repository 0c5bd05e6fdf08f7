//go:build unix

package main

func (b *bench) countries() error { return nil }
func (b *bench) killed() error    { return nil }
func (b *bench) providers() error { return nil }
