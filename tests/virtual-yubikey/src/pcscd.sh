# shellcheck shell=sh
# pcscd for one test: sh -c "$(cat pcscd.sh)" sh CONFIGURATION-DIRECTORY
#
# Standard input is a pipe that the test holds: it ends when the test lets go of it, or dies.
# Standard output is the socket that clients connect to; standard error is the log.
# pcscd takes a socket from whoever starts it as descriptor 3, if LISTEN_PID is its own number
# (sd_listen_fds(3)); so the shell that becomes pcscd has to say it.
# shellcheck disable=SC2016 # the inner shell expands it
sh -c 'LISTEN_FDS=1 LISTEN_PID=$$ exec pcscd --foreground --config "$1" 3<&1 1>&2' sh "$1" </dev/null &
service=$!
# Clients of a pcscd that has ended are refused; they would wait if this shell held the socket.
exec >&2
while read -r _; do :; done
# Not asked politely: on the way out it would tidy up a directory that belongs to all.
kill -KILL "$service" 2>/dev/null
wait
