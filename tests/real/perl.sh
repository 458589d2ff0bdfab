#!/bin/bash
# perl: interpreter threads, forks, Storable, sorting, regular expressions, closures, formats
# packages: perl
# programs: perl
. "$REAL/common.sh"
cat > tmp/work.pl <<'PL'
use strict; use warnings; use threads; use threads::shared; use Thread::Queue;
use Storable qw(freeze thaw dclone store retrieve); use List::Util qw(sum shuffle reduce);
use Digest::MD5 qw(md5_hex); use Encode; use Time::Local; use POSIX qw(:sys_wait_h floor); use IO::Handle;
srand(42);
my %tree; $tree{$_ % 97}{$_ % 13}{"k$_"} = [ $_, "x" x ($_ % 60) ] for 1 .. 8000;
my $copy = dclone(\%tree); print scalar(keys %$copy), " ", length(freeze(\%tree)) > 100000 ? "big" : "small", "\n";
store(\%tree, "tmp/tree"); my $back = retrieve("tmp/tree"); print join(",", @{ $back->{5}{7}{"k" . (sort keys %{ $back->{5}{7} })[0] =~ s/k//r} // [] }), "\n";
my @words = map { md5_hex($_) } 1 .. 8000; print +(sort @words)[0, 4000, -1], "\n";
my $text = join " ", @words; my %count; $count{$1}++ while $text =~ /\b([a-f]\d[a-f0-9])/g;
print join(",", (sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count)[0 .. 5]), "\n";
(my $swapped = $text) =~ s/(\d+)([a-f]+)/$2$1/g; print md5_hex($swapped), "\n";
my $queue = Thread::Queue->new; my $results = Thread::Queue->new; my $total :shared = 0;
my @threads = map { threads->create(sub { while (defined(my $n = $queue->dequeue)) {
    my @a = sort { $a <=> $b } map { ($_ * 7919) % 1009 } 1 .. $n; { lock $total; $total += $a[-1] } $results->enqueue(sum(@a)) } }) } 1 .. 4;
$queue->enqueue($_) for 100 .. 180; $queue->end; $_->join for @threads;
my $all = 0; while (defined(my $r = $results->dequeue_nb)) { $all += $r } print "$total $all\n";
for my $n (1 .. 25) { my $pid = fork // die; if (!$pid) { my @x = map { [ $_ ] } 1 .. 500; exit($n % 50) } waitpid $pid, 0; $all += $? >> 8 } print "$all\n";
my $utf = "\x{263a}\x{e9}" x 5000; print length(encode("UTF-8", $utf)), " ", length(decode("UTF-16", encode("UTF-16", $utf))), "\n";
my @closures = map { my $n = $_; sub { $n += shift } } 1 .. 5000; print sum(map { $_->(2) } @closures), "\n";
{ package Counted; our $alive = 0; sub new { $alive++; bless { n => $_[1] }, $_[0] } sub DESTROY { $alive-- } }
{ my @o = map { Counted->new($_) } 1 .. 3000; } print "alive $Counted::alive\n";
my $sum = eval { die { code => 7, list => [ 1 .. 100 ] } } // $@; print $sum->{code}, " ", sum(@{ $sum->{list} }), "\n";
open my $out, ">", "out/sorted" or die; printf $out "%06d %s\n", $_, scalar reverse $_ for sort { $a % 101 <=> $b % 101 || $a <=> $b } 1 .. 5000; close $out;
my $code = join "", map { "sub f$_ { my (\$x) = \@_; return \$x > 1 ? f" . ($_ % 200) . "(\$x - 1) + $_ : $_ }\n" } 0 .. 200; eval $code; die $@ if $@; { no strict "refs"; no warnings; print "f200"->(1000), "\n"; }
print map({ chr(ord("a") + $_ % 26) } unpack("C*", pack("w*", 1 .. 50))), "\n";
warn "to stderr\n"; exit 0;
PL
perl -w tmp/work.pl
