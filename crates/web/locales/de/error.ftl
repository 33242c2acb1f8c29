# Wenn außerhalb eines Formulars etwas schiefgeht.
not-found = Hier ist nichts für Sie
not-found-lead = Die Adresse ist womöglich vertippt, oder Sie dürfen nicht sehen, was sie zeigt.
form-refused = Seite neu öffnen
form-refused-lead = Das Formular war zu lange offen, oder eine andere Website hat es geschickt. Nichts wurde geändert. Gehen Sie zurück, laden Sie die Seite neu und wiederholen Sie, was Sie getan haben.
forbidden = Sie dürfen das nicht
forbidden-lead = Dafür braucht es <code>{ $missing }</code>, und keine Ihrer Rollen hat es hier. Nichts wurde geändert. Wer hier verwaltet, kann Ihnen eine geben, die es hat.
too-many = Bitte warten Sie bis { $until } (UTC)
too-many-lead = Es gab zu viele Versuche. Der nächste zählt wieder { $left }. Wo Sie angemeldet sind, bleiben Sie es.
internal = Bei uns ist etwas schiefgegangen
internal-lead = Nichts wurde gespeichert. Versuchen Sie es noch einmal; geschieht es wieder, nennen Sie der Hilfe diese Nummer.
busy = Der Server ist gerade ausgelastet
busy-lead = Nichts wurde geändert. Warten Sie einige Sekunden und laden Sie die Seite neu.
unusable = Das hat nicht geklappt
unusable-lead = Was der Browser geschickt hat, passt nicht zu dieser Adresse. Nichts wurde geändert. Gehen Sie zurück, laden Sie die Seite neu und wiederholen Sie, was Sie getan haben.
