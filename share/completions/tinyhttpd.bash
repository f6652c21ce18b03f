# Completion of tinyhttpd for bash. Made from src/cli/table.c by share/generate.c.
_tinyhttpd() {
    local word=$2 before=$3
    COMPREPLY=()
    if [[ $before == = ]]; then before=${COMP_WORDS[COMP_CWORD-2]}; fi
    if [[ $word == = ]]; then word=; before=${COMP_WORDS[COMP_CWORD-1]}; fi
    case $before in
    -r | --root) mapfile -t COMPREPLY < <(compgen -d -- "$word") && return ;;
    -u | --user) mapfile -t COMPREPLY < <(compgen -u -- "$word") && return ;;
    --symlinks) mapfile -t COMPREPLY < <(compgen -W 'inside all none' -- "$word") && return ;;
    -c | --cache) mapfile -t COMPREPLY < <(compgen -W 'auto off' -- "$word") && return ;;
    --charset) mapfile -t COMPREPLY < <(compgen -W 'utf-8 none' -- "$word") && return ;;
    --log) mapfile -t COMPREPLY < <(compgen -W 'text combined json errors off' -- "$word") && return ;;
    -p | --port | -b | --bind | --base | --allow-host | --index | -H | --header | --mime | --encoded | -j | --workers | --trust-proxy | --keep-alive | --shutdown-delay | --drain | --metrics) return ;;
    esac
    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--root --port --bind --lan --base --open --allow-host --index --list --no-list --spa --dotfiles --symlinks --rules --watch --cache --cors --header --mime --encoded --charset --workers --slow --user --log --access-log --error-log --trust-proxy --proxy-protocol --keep-alive --shutdown-delay --drain --metrics --strict --check --quiet --verbose --help --version' -- "$word")
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    fi
}
complete -o filenames -F _tinyhttpd tinyhttpd
