import { defineCommand } from '../command.ts';

/**
 * Scripts for `program`, the file that the shell runs. What it answers to `__complete` is in completion/complete.ts; the shell is
 * left to complete files where bit 4 of the last line is not set.
 */
const shells: Readonly<Record<string, (program: string) => string>> = {
  // Bash splits words at = and :, and puts what is offered in place of the last part.
  bash: (program) => `# bash completion for ${program}
_${program}() {
  local line="\${COMP_LINE:0:COMP_POINT}" words
  read -ra words <<< "$line"
  [[ "$line" == *[[:space:]] ]] && words+=("")
  local last="\${words[\${#words[@]} - 1]}" kept="" breaks="\${COMP_WORDBREAKS//[^=:]/}"
  [[ -n "$breaks" ]] && kept="\${last%"\${last##*["$breaks"]}"}"
  local run
  run=$(type -P -- "\${words[0]/#\\~/$HOME}") || run=${program}
  local IFS=$'\\n' found i
  found=($("$run" __complete "\${words[@]:1}" 2>/dev/null))
  COMPREPLY=()
  (( \${#found[@]} > 0 )) || return
  local last_line="\${found[\${#found[@]} - 1]}" width=0
  local directive="\${last_line#:}"
  unset "found[\${#found[@]} - 1]"
  (( directive & 2 )) && compopt -o nospace 2>/dev/null
  (( directive & 4 )) || compopt -o default 2>/dev/null
  # What each is for is shown when several are listed, and never typed.
  local listing=
  [[ "$COMP_TYPE" == 63 && \${#found[@]} -gt 1 ]] && listing=1
  for i in "\${!found[@]}"; do
    local name="\${found[i]%%$'\\t'*}"
    (( \${#name} > width )) && width=\${#name}
  done
  for i in "\${!found[@]}"; do
    local name="\${found[i]%%$'\\t'*}" about=
    [[ "\${found[i]}" == *$'\\t'* ]] && about="\${found[i]#*$'\\t'}"
    if [[ -n "$listing" && -n "$about" ]]; then
      local text
      printf -v text "%-\${width}s  (%s)" "$name" "$about"
      local room=$(( \${COLUMNS:-80} - 1 ))
      (( \${#text} > room )) && text="\${text:0:room - 1}…"
      COMPREPLY+=("\${text#"$kept"}")
    else
      COMPREPLY+=("\${name#"$kept"}")
    fi
  done
}
complete -F _${program} ${program}
`,
  zsh: (program) => `#compdef ${program}
_${program}() {
  local -a lines found
  local line directive
  lines=("\${(@f)$(\${(Q)words[1]} __complete "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  directive="\${\${lines[-1]}#:}"
  [[ "$directive" == <-> ]] || return 1
  for line in "\${(@)lines[1,-2]}"; do
    found+=("\${\${line//:/\\\\:}/$'\\t'/:}")
  done
  local -a space
  (( directive & 2 )) && space=(-S '')
  if (( \${#found} > 0 )); then
    _describe -V completions found "\${space[@]}"
  elif (( ! (directive & 4) )); then
    _files
  fi
}
compdef _${program} ${program}
`,
  fish: (program) => `# fish completion for ${program}
function __${program}_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l lines ($words[1] __complete $words[2..-1] 2>/dev/null)
  set -q lines[1]; or return
  set -l directive (string sub -s 2 -- $lines[-1])
  set -e lines[-1]
  if set -q lines[1]
    printf '%s\\n' $lines
  else if test (math "floor($directive / 4) % 2") -eq 0
    __fish_complete_path (commandline -ct)
  end
end
complete -c ${program} -f -a '(__${program}_complete)'
`,
};

export const completionCommand = defineCommand({
  flags: {},
  async run({ args, io, executable }) {
    const [shell, ...more] = args;
    if (shell === undefined) throw new Error('Shell not specified.');
    if (more.length > 0) throw new Error('Too many arguments. Expected only the shell type.');
    const script = Object.hasOwn(shells, shell) ? shells[shell] : undefined;
    if (script === undefined) throw new Error(`Unsupported shell type "${shell}".`);
    // kubectl's own completion asks kubectl_complete-karmada of the PATH.
    io.stdout(script(executable.replace(' ', '-')));
  },
});
