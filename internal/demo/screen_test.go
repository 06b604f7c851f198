package demo

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAPictureIsATableWithItsTotal(t *testing.T) {
	rows := []airport{{Origin: "ATL", N: 1234, Max: 300, Avg: 7.25}, {Origin: "ORD", N: 99, Max: -5, Avg: -6}}
	require.Equal(t, ""+
		"1333 flights committed, 5000 a second\n"+
		"  origin      flights   mean delay  worst delay\n"+
		"  ATL            1234      7.2 min      300 min\n"+
		"  ORD              99     -6.0 min       -5 min\n", picture(rows, 1333, 5000))
}

func TestTheRateIsOfTheTimeSinceTheLastPicture(t *testing.T) {
	s := &screen{}
	at := time.Unix(100, 0)
	require.Zero(t, s.rate(500, at), "there is none before the first picture")
	s.lastSum, s.lastTime = 500, at
	require.EqualValues(t, 250, s.rate(1000, at.Add(2*time.Second)))
}
