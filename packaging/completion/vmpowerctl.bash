# SPDX-License-Identifier: BSD-3-Clause
# bash completion for vmpowerctl(1)
#
# Commands and options are parsed from the output of "vmpowerctl help":
# "  name(15) arguments(14)  help", and "  --option ARG(18) [commands: ]help".

# Prints the names of all commands, one a line.
_vmpowerctl_commands() {
	"$1" help 2>/dev/null | sed -n 's/^  \([a-z].\{14\}\) .*/\1/p' | sed 's/ *$//'
}

# Prints the arguments of a command, as in "DOMAIN VCPU TO".
_vmpowerctl_arguments() {
	"$1" help 2>/dev/null | awk -v name="$2" '
		/^  [a-z]/ && substr($0, 3, 15) ~ "^" name " *$" { print substr($0, 19, 14) }'
}

# Prints the options of a command; without a command, all options.
_vmpowerctl_options() {
	"$1" help 2>/dev/null | awk -v name="$2" '
		/^  --/ {
			text = substr($0, 22); colon = index(text, ": "); ok = !colon || name == ""
			n = split(substr(text, 1, colon - 1), with, " ")
			for (i = 1; i <= n; i++)
				ok = ok || with[i] == name
			if (ok) print $1
		}'
}

# Succeeds if an option takes an argument.
_vmpowerctl_takes() {
	"$1" help 2>/dev/null | grep -q "^  $2 [A-Z]"
}

_vmpowerctl_domains() {
	case $2 in
	xml | attach | detach) virsh -q list --all --name 2>/dev/null ;;
	*) "${@:3}" list 2>/dev/null | awk 'NR > 1 { print $1 }' ;;
	esac
}

_vmpowerctl() {
	local program=${COMP_WORDS[0]} current=${COMP_WORDS[COMP_CWORD]}
	local previous=${COMP_WORDS[COMP_CWORD - 1]} words=() call i
	local IFS=$'\n'

	COMPREPLY=()
	call=("$program")
	# the words so far, without options and their arguments
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--runtime-dir)
			call+=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]}")
			((i++))
			;;
		--*)
			_vmpowerctl_takes "$program" "${COMP_WORDS[i]}" && ((i++))
			;;
		*) words+=("${COMP_WORDS[i]}") ;;
		esac
	done
	case $previous in
	--runtime-dir | --root)
		mapfile -t COMPREPLY < <(compgen -d -- "$current")
		return
		;;
	--*)
		_vmpowerctl_takes "$program" "$previous" && return
		;;
	esac
	if [[ $current == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_vmpowerctl_options "$program" "${words[0]}")" \
			-- "$current")
		return
	fi
	_vmpowerctl_word "$program" "$current"
}

# Completes a word of a command, or one of its arguments.
_vmpowerctl_word() {
	local commands name rest choices kind

	commands=$(_vmpowerctl_commands "$1")
	case ${#words[@]} in
	0) choices=$(cut -d' ' -f1 <<<"$commands" | sort -u) ;;
	*)
		choices=$(sed -n "s/^${words[0]} //p" <<<"$commands")
		if [[ -n $choices && ${#words[@]} -gt 1 ]]; then
			name="${words[0]} ${words[1]}" rest=$((${#words[@]} - 2))
		elif [[ -z $choices ]]; then
			name=${words[0]} rest=$((${#words[@]} - 1))
		fi
		;;
	esac
	if [[ -n $name ]]; then
		kind=$(_vmpowerctl_arguments "$1" "$name" | awk -v n=$((rest + 1)) '{ print $n }')
		case $kind in
		DOMAIN) choices=$(_vmpowerctl_domains "$1" "$name" "${call[@]}") ;;
		CPU) choices=$("${call[@]}" cpu 2>/dev/null | awk 'NR > 1 { print $1 }') ;;
		TO) choices=$'up\ndown\nmin\nmax\nrelease' ;;
		'[DO...]') choices=$'show\nset\nclear' ;;
		LEVEL) choices=$'error\nwarning\nnotice\ninfo\ndebug' ;;
		*) choices= ;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$2")
}

complete -F _vmpowerctl vmpowerctl
