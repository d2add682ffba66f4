/**
 * The launcher: a small program that forks for the agent, whose own fork copies the page tables of a large process at each start. It reads
 * requests on descriptor 0, says what became of them on 1, and ends when the agent does. In each fork of it the shim goes on: it leads
 * the session of the unit, waits for the program, and writes down how it ended, whoever lives then. Perl, because that is on every Debian
 * (`perl-base`) and has what a shell has not: setsid, exact wait states, and system calls by number.
 *
 * A request is a 32-bit length and fields parted by NUL, which no argument, path or variable can hold: nothing of it is ever parsed as a
 * text. Answers are lines: `S id leader pid joined` (it runs), `F id errno what` (refused), `E id status` (its shim has ended, wait(2)),
 * `P id` (a request of an id alone: are you there).
 *
 * clone3 puts the shim into its cgroup at birth. Writing to cgroup.procs does the same for a process that lives, but the kernel then waits for
 * all its processors (10 to 18 ms on an idle machine); it is the way where clone3 is not allowed (a container's seccomp) or too new.
 */
const script = String.raw`
use strict;
use POSIX ();

# Of asm-generic/unistd.h: the same on every architecture.
my ($sys_clone3, $sys_close_range) = (435, 436);
my $clone_into_cgroup = 1 << 33;
my ($enoent, $eintr, $enoexec) = (2, 4, 8);
my $null = 3;    # /dev/null
my $life = 4;    # in a shim: the end of a pipe that tells the launcher, by closing, that it has ended

$0 = 'sboxagent-launcher';
# They go to the whole group of a unit: the program gets them with their default action, the shim survives them.
my @survived = qw(HUP INT QUIT ALRM TERM USR1 USR2 PIPE);
$SIG{$_} = sub { } for @survived;
my ($every, $none) = (POSIX::SigSet->new, POSIX::SigSet->new);
$every->fillset;
POSIX::open('/dev/null', POSIX::O_RDWR()) == $null or POSIX::_exit(1);

my %shims;          # descriptor => [id, pid]
my $watched = '';
vec($watched, 0, 1) = 1;
my $unread = '';

for (;;) {
  my $ready = $watched;
  next if select($ready, undef, undef, undef) < 0;
  hear() if vec $ready, 0, 1;
  for my $fd (keys %shims) { reap($fd) if vec $ready, $fd, 1 }
}

sub hear {
  my $count = sysread STDIN, $unread, 65536, length $unread;
  POSIX::_exit(0) if defined $count ? $count == 0 : $! != $eintr;
  while (length $unread >= 4) {
    my $size = unpack 'N', $unread;
    last if length $unread < 4 + $size;
    my $request = substr $unread, 4, $size;
    substr($unread, 0, 4 + $size) = '';
    launch(split /\0/, $request, 6);
  }
}

sub answer {
  POSIX::_exit(0) unless defined syswrite STDOUT, "@_\n";
}

# The last of its arguments is the program's: what is parted here would be memory of every shim.
sub launch {
  return answer('P', $_[0]) if @_ == 1;
  my ($read, $write) = POSIX::pipe() or return answer('F', $_[0], $! + 0, 'pipe');
  my ($pid, $joined) = fork_into($_[2]);
  if (!defined $pid) {
    my $why = $! + 0;
    POSIX::close($_) for $read, $write;
    return answer('F', $_[0], $why, 'fork');
  }
  be_shim($write, $joined, @_) if $pid == 0;
  POSIX::close($write);
  $shims{$read} = [$_[0], $pid];
  vec($watched, $read, 1) = 1;
}

sub reap {
  my ($fd) = @_;
  my ($id, $pid) = @{ delete $shims{$fd} };
  vec($watched, $fd, 1) = 0;
  POSIX::close($fd);
  wait_for($pid);
  answer('E', $id, $?);
}

sub wait_for {
  my ($pid) = @_;
  1 while waitpid($pid, 0) < 0 && $! == $eintr;
}

# The pid of a child (0 in the child itself), and whether it was born into the group.
sub fork_into {
  my ($group) = @_;
  my $fd = $group eq '' ? undef : POSIX::open($group, POSIX::O_RDONLY());
  if (defined $fd) {
    my $arguments = pack 'Q11', $clone_into_cgroup, 0, 0, 0, POSIX::SIGCHLD(), 0, 0, 0, 0, 0, $fd;
    my $pid = syscall $sys_clone3, $arguments, length $arguments;
    POSIX::close($fd);
    return ($pid, 1) if $pid >= 0;
  }
  return (scalar fork, 0);
}

sub close_from {
  my ($first) = @_;
  return if syscall($sys_close_range, $first, 0xffffffff, 0) == 0;
  POSIX::close($_) for $first .. 4 + 8 * length $watched;
}

# It touches little, since each page that it writes to is memory of its own: the rest is left to the program's process, which gives it back.
sub be_shim {
  my ($write, $joined, $id, $title, $group, $exit_file, $run, $rest) = @_;
  POSIX::dup2($write, $life);
  close_from($life + 1);
  POSIX::setsid();
  $0 = "sboxagent-shim $title";
  $joined = join_group($group) if !$joined && $group ne '';
  # A signal that comes before the program has its default actions waits for them.
  POSIX::sigprocmask(POSIX::SIG_SETMASK(), $every);
  my $shim = $$;
  my $program = fork // refuse($id, 'fork');
  be_program($shim, $joined, $id, split /\0/, $rest, -1) if $program == 0;
  POSIX::sigprocmask(POSIX::SIG_SETMASK(), $none);
  POSIX::dup2($null, $_) for 0, 1;
  wait_for($program);
  my ($signal, $code) = ($? & 127, $? >> 8);
  my $end = $signal ? "$run signal $signal\n" : "$run code $code\n";
  my $file = POSIX::open($exit_file, POSIX::O_WRONLY() | POSIX::O_CREAT() | POSIX::O_TRUNC(), 0600);
  POSIX::write($file, $end, length $end) if defined $file;
  POSIX::_exit($signal ? 128 + $signal : $code);
}

sub be_program {
  my ($shim, $joined, $id, $mask, $cwd, $out_file, $err_file, $count, @rest) = @_;
  my @argv = splice @rest, 0, $count;
  $SIG{$_} = 'DEFAULT' for @survived;
  POSIX::sigprocmask(POSIX::SIG_SETMASK(), $none);
  chdir $cwd or refuse($id, 'chdir');
  my ($out, $err) = map { POSIX::open($_, POSIX::O_WRONLY() | POSIX::O_APPEND()) // refuse($id, 'open') } $out_file, $err_file;
  POSIX::_exit(1) if getppid != $shim;    # killed: nobody would know how the program ends
  my $line = "S $id $shim $$ $joined\n";
  POSIX::write(1, $line, length $line) // POSIX::_exit(1);    # an agent that has given the launcher up has started it by itself
  POSIX::dup2($null, 0);
  POSIX::dup2($out, 1);
  POSIX::dup2($err, 2);
  close_from(3);
  umask oct $mask;
  %ENV = map { split /=/, $_, 2 } @rest;
  become(@argv);
}

sub refuse {
  my ($id, $what) = @_;
  my $line = join(' ', 'F', $id, $! + 0, $what) . "\n";
  POSIX::write(1, $line, length $line);
  POSIX::_exit(1);
}

sub join_group {
  my ($group) = @_;
  my $fd = POSIX::open("$group/cgroup.procs", POSIX::O_WRONLY()) // return 0;
  my $done = POSIX::write($fd, '0', 1);
  POSIX::close($fd);
  return defined $done ? 1 : 0;
}

# As a shell does: a text without an interpreter's line is a shell's, and 126 and 127 say that there is no program to run.
sub become {
  my @argv = @_;
  exec { $argv[0] } @argv;
  exec { '/bin/sh' } '/bin/sh', @argv if $! == $enoexec;
  my $code = $! == $enoent ? 127 : 126;
  my $line = "sboxagent-shim: $argv[0]: $!\n";
  POSIX::write(2, $line, length $line);
  POSIX::_exit($code);
}
`;

/**
 * The script comes as the first request, since every shim has the arguments of its launcher: room for its title, and what a list of processes
 * shows of it. The blanks are that room.
 */
export const launcherArguments: readonly string[] = [
  '-e',
  `sysread STDIN, my $size, 4; my ($script, $length) = ('', unpack 'N', $size);
1 while length $script < $length && sysread STDIN, $script, $length - length $script, length $script;
eval $script; die $@;${' '.repeat(80)}`,
];

export const launcherScript: Buffer = Buffer.from(script);
