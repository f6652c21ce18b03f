# Draws lines into an SVG: panels side by side, with a y axis from 0 on.
package Plot;

use strict;
use warnings;

use Exporter qw(import);
use List::Util qw(max);
use POSIX qw(ceil floor);

our @EXPORT = qw(plot);

use constant {
    WIDTH  => 260, # of a panel's field
    HEIGHT => 200,
    LEFT   => 50,
    TOP    => 60,
    GAP    => 40,
    BOTTOM => 50,
};

# Distinct for the colour-blind as well, on a white ground.
my @colours = ('#0072b2', '#d55e00', '#009e73', '#cc79a7', '#000000');

# $panels: [{title, lines => {name => [[x, y], ...]}}], the lines of a panel with the same xs; $names: the lines in
# order. The x axis is logarithmic, with a mark at each x, and the panels have one y axis; if $how{linear} is true, it is
# linear from 0 on, and each panel has a y axis of its own, as each shows another quantity.
sub plot {
    my ($path, $title, $panels, $names, %how) = @_;
    my $shared = y_axis(@$panels);
    my ($width, $height) = (LEFT + @$panels * (WIDTH + GAP), TOP + HEIGHT + BOTTOM);
    my @svg = (qq{<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 $width $height" width="$width" height="$height"}
            . ' font-family="sans-serif" font-size="12">',
        "<title>$title</title>", '<rect width="100%" height="100%" fill="#fff"/>',
        text(LEFT, 20, 'start', $title), legend($names));
    for my $i (0 .. $#$panels) {
        my $left  = LEFT + $i * (WIDTH + GAP);
        my $y     = $how{linear} ? y_axis($panels->[$i]) : $shared;
        my $x     = $how{linear} ? linear_axis($panels->[$i]) : logarithmic_axis($panels->[$i]);
        push @svg, axes($panels->[$i]{title}, $left, $x, $y, $how{linear} || $i == 0);
        push @svg, lines($panels->[$i]{lines}, $left, $x, $y, $names, !$how{linear});
    }
    open my $file, '>', $path or die "$path: $!\n";
    print {$file} map { "$_\n" } @svg, '</svg>';
    close $file or die "$path: $!\n";
    return;
}

# The y axis for these panels: its highest mark and the step between marks.
sub y_axis {
    my @panels  = @_;
    my $highest = max(map { $_->[1] } map { @$_ } map { values %{$_->{lines}} } @panels) || 1;
    my $step    = step_for($highest);
    return {top => ceil($highest / $step) * $step, step => $step};
}

sub xs { my $panel = shift; return map { $_->[0] } @{(values %{$panel->{lines}})[0]} }

# An x axis: its marks, and a function from an x to its place, from 0 to 1.
sub logarithmic_axis {
    my @xs    = xs(@_);
    my $range = log($xs[-1] / $xs[0]) || 1;
    return {marks => \@xs, place => sub { log($_[0] / $xs[0]) / $range }};
}

sub linear_axis {
    my $highest = max(xs(@_)) || 1;
    my $step    = step_for($highest);
    return {marks => [map { $_ * $step } 0 .. $highest / $step], place => sub { $_[0] / $highest }};
}

# A round number, so that an axis has six marks or less above 0.
sub step_for {
    my $highest = shift;
    my $ten  = 10**floor(log($highest / 6) / log 10);
    return (grep { $_ * 6 >= $highest } map { $_ * $ten } 1, 2, 5, 10)[0];
}

# 1000000 is 1M, as there is little room below an axis.
sub short { return $_[0] =~ s/000000$/M/r =~ s/000$/k/r }

sub text {
    my ($x, $y, $anchor, $text) = @_;
    return sprintf '<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>', $x, $y, $anchor, $text;
}

sub dot { return sprintf '<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>', @_ }

sub line {
    my ($x, $y, $x2, $y2) = @_;
    return sprintf '<path d="M%.1f %.1fL%.1f %.1f" stroke="#ccc"/>', $x, $y, $x2, $y2;
}

sub legend {
    my $names = shift;
    my $x     = LEFT;
    my @svg;
    for my $i (0 .. $#$names) {
        push @svg, dot($x + 4, 36, $colours[$i]), text($x + 14, 40, 'start', $names->[$i]);
        $x += 34 + 8 * length $names->[$i];
    }
    return @svg;
}

# The x axis, and the y axis's lines, with its marks if $marked is true.
sub axes {
    my ($title, $left, $x, $y, $marked) = @_;
    my @svg;
    for my $i (0 .. $y->{top} / $y->{step} + 0.5) {
        my $height = height_of($i * $y->{step}, $y);
        push @svg, line($left, $height, $left + WIDTH, $height);
        push @svg, text($left - 6, $height + 4, 'end', $i * $y->{step}) if $marked;
    }
    push @svg, text(across($_, $left, $x), TOP + HEIGHT + 18, 'middle', short($_)) for @{$x->{marks}};
    push @svg, text($left + WIDTH / 2, TOP + HEIGHT + 38, 'middle', $title);
    return @svg;
}

sub across    { my ($number, $left, $x) = @_; return $left + 10 + (WIDTH - 20) * $x->{place}->($number) }
sub height_of { my ($number, $y) = @_; return TOP + HEIGHT * (1 - $number / $y->{top}) }

# The lines that a panel has, with a dot at each point if $dotted is true.
sub lines {
    my ($lines, $left, $x, $y, $names, $dotted) = @_;
    my @svg;
    for my $i (grep { $lines->{$names->[$_]} } 0 .. $#$names) {
        my @points = map { [across($_->[0], $left, $x), height_of($_->[1], $y)] } @{$lines->{$names->[$i]}};
        push @svg, sprintf '<polyline points="%s" fill="none" stroke="%s" stroke-width="%s"/>',
            join(' ', map { sprintf '%.1f,%.1f', @$_ } @points), $colours[$i], $dotted ? 2 : 1.5;
        push @svg, map { dot(@$_, $colours[$i]) } @points if $dotted;
    }
    return @svg;
}

1;
