# Draws lines into an SVG: panels side by side, each with a logarithmic x axis, and one y axis from 0 on.
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
my @colours = ('#0072b2', '#d55e00', '#009e73', '#cc79a7');

# $panels: [{title, lines => {name => [[x, y], ...]}}]; $names: the lines in order.
sub plot {
    my ($path, $title, $panels, $names) = @_;
    my $highest = max(map { $_->[1] } map { @$_ } map { values %{$_->{lines}} } @$panels);
    my $step = step_for($highest);
    my $top  = ceil($highest / $step) * $step;
    my ($width, $height) = (LEFT + @$panels * (WIDTH + GAP), TOP + HEIGHT + BOTTOM);
    my @svg = (qq{<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 $width $height" width="$width" height="$height"}
            . ' font-family="sans-serif" font-size="12">',
        "<title>$title</title>", '<rect width="100%" height="100%" fill="#fff"/>',
        text(LEFT, 20, 'start', $title), legend($names));
    for my $i (0 .. $#$panels) {
        my $left = LEFT + $i * (WIDTH + GAP);
        push @svg, panel($panels->[$i], $left, $top, $step, $i == 0, $names);
    }
    open my $file, '>', $path or die "$path: $!\n";
    print {$file} map { "$_\n" } @svg, '</svg>';
    close $file or die "$path: $!\n";
    return;
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

sub panel {
    my ($panel, $left, $top, $step, $first, $names) = @_;
    my @xs    = map { $_->[0] } @{(values %{$panel->{lines}})[0]};
    my $range = log($xs[-1] / $xs[0]) || 1;
    my $x_of  = sub { $left + 10 + (WIDTH - 20) * log($_[0] / $xs[0]) / $range };
    my $y_of  = sub { TOP + HEIGHT * (1 - $_[0] / $top) };
    my @svg;
    for my $i (0 .. $top / $step + 0.5) {
        my $y = $y_of->($i * $step);
        push @svg, line($left, $y, $left + WIDTH, $y);
        push @svg, text($left - 6, $y + 4, 'end', $i * $step) if $first;
    }
    push @svg, text($x_of->($_), TOP + HEIGHT + 18, 'middle', short($_)) for @xs;
    push @svg, text($left + WIDTH / 2, TOP + HEIGHT + 38, 'middle', $panel->{title});
    for my $i (0 .. $#$names) {
        my @points = map { [$x_of->($_->[0]), $y_of->($_->[1])] } @{$panel->{lines}{$names->[$i]}};
        push @svg, sprintf '<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>',
            join(' ', map { sprintf '%.1f,%.1f', @$_ } @points), $colours[$i];
        push @svg, map { dot(@$_, $colours[$i]) } @points;
    }
    return @svg;
}

1;
