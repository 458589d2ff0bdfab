# Hashes of arrays of strings, built, sorted, joined and dropped: Perl as it is used on logs.
# Usage: hashes.pl ROUNDS
use strict;
use warnings;
use integer;

my $rounds = shift // die "usage: hashes.pl ROUNDS\n";
my $seed   = 12345;

sub draw {
    my ($bound) = @_;
    $seed = ( $seed * 1103515245 + 12345 ) & 0x7fffffff;
    return ( $seed >> 8 ) % $bound;
}

my $sum = 0;
my @history;
for my $round ( 1 .. $rounds ) {
    my %visits;
    for my $line ( 1 .. 20_000 ) {
        my $host = "host-" . draw(3000);
        my $path = "/" . join( "/", map { "part" . draw(50) } 0 .. draw(4) );
        push @{ $visits{$host} }, $path;
    }
    for my $host ( sort keys %visits ) {
        my %seen;
        $seen{$_}++ for @{ $visits{$host} };
        my $text = join ",", map { "$_=$seen{$_}" } sort keys %seen;
        $sum = ( $sum * 31 + unpack( "%32C*", $text ) + length $text ) & 0xffffffff;
        push @history, $text if $sum % 7 == 0;
    }
    splice @history, 0, @history / 2 if @history > 4000;
}
print "hashes: $rounds rounds, $sum\n";
