#!/bin/bash
# emacs: its Lisp in batch: buffers, regular expressions, garbage collection, byte compiler, processes
# packages: emacs-nox
# programs: emacs-nox
# status: 3
# long
. "$REAL/common.sh"
cat > tmp/w.el <<'L'
(require 'json) (require 'cl-lib)
(with-temp-buffer (dotimes (i 20000) (insert (format "line %d of %d\n" i (% (* i 7919) 1009)))) (goto-char 1)
  (while (re-search-forward "of \\([0-9]+\\)" nil t) (replace-match (concat "<" (match-string 1) ">"))) (sort-numeric-fields 2 1 (point-max)) (message "%s" (md5 (buffer-string)))
  (undo-boundary) (write-region 1 500 "out/text" nil 'silent))
(defun fib (n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2))))) (byte-compile 'fib) (message "%d" (fib 21))
(let ((h (make-hash-table :test 'equal))) (dotimes (i 50000) (push i (gethash (format "k%d" (% i 97)) h))) (garbage-collect) (message "%d %d" (hash-table-count h) (length (gethash "k5" h))) (message "%s" (md5 (json-encode h))))
(message "%s" (shell-command-to-string "seq 3 | tac | tr '\n' ' '")) (message "%d" (call-process "sh" nil nil nil "-c" "exit 4"))
(message "%s" (condition-case e (/ 1 0) (error (error-message-string e)))) (message "%S" (read (prin1-to-string (cl-loop for i below 20 collect (cons i (make-string i ?x))))))
(kill-emacs 3)
L
emacs -Q --batch -l tmp/w.el
